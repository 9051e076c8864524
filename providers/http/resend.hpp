// SPDX-License-Identifier: Apache-2.0
// When a request whose kept connection died may be sent a second time.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hillstar::providers {

/// What is known about a request that got no byte of an answer.
struct LostRequest {
  std::string_view method;
  bool connection_was_kept = false;  ///< It had served another request before.
  bool ended_in_order = false;       ///< The server closed; false: reset, or another error.
  /// Bytes that the server's machine had acknowledged before this request was written, and at the end.
  std::optional<std::uint64_t> acknowledged_before;
  std::optional<std::uint64_t> acknowledged_after;
};

/// True if it is safe: the method promises no effect, or the server cannot have seen the request, because it closed the
/// connection before a byte of it arrived. A reset proves nothing: it may overtake the acknowledgement of what the
/// server did read. A model call may be paid for, so that what is in doubt is for the run's retry policy to decide.
bool may_send_again(const LostRequest& lost);

/// Bytes that the other side of a TCP socket has acknowledged; nothing where the system does not tell.
std::optional<std::uint64_t> acknowledged_bytes(int socket);

}  // namespace hillstar::providers
