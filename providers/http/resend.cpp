// SPDX-License-Identifier: Apache-2.0
#include "providers/http/resend.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>

namespace hillstar::providers {

bool may_send_again(const LostRequest& lost) {
  if (!lost.connection_was_kept) return false;
  if (lost.method == "GET" || lost.method == "HEAD") return true;
  return lost.ended_in_order && lost.acknowledged_before && lost.acknowledged_after &&
         *lost.acknowledged_before == *lost.acknowledged_after;
}

std::optional<std::uint64_t> acknowledged_bytes(int socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  if (size < offsetof(tcp_info, tcpi_bytes_acked) + sizeof info.tcpi_bytes_acked) return std::nullopt;
  return info.tcpi_bytes_acked;
}

}  // namespace hillstar::providers
