// SPDX-License-Identifier: Apache-2.0
// A TCP connection, with TLS if the origin asks for it. Only the transport's own files include it.
#pragma once

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

namespace hillstar::providers::beast_detail {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;
using boost::system::error_code;
using SteadyTime = std::chrono::steady_clock::time_point;

inline constexpr std::uint32_t kHeaderBytesMax = 64U << 10U;
inline constexpr std::size_t kReadBytes = 4U << 10U;  // First buffer of a connection; grows for large headers.

struct Connection {
  explicit Connection(asio::io_context& io) : socket(io) {}

  tcp::socket socket;
  std::shared_ptr<ssl::context> trust;  ///< Outlives `tls`.
  std::optional<ssl::stream<tcp::socket&>> tls;
  boost::beast::flat_buffer buffer{kHeaderBytesMax + kReadBytes};
  SteadyTime idle_since;

  template <class Function>
  void with_stream(Function&& function) {
    if (tls)
      function(*tls);
    else
      function(socket);
  }

  /// An idle connection with bytes or an end to read is of no use: the server has closed it, or talks out of turn.
  bool is_quiet() {
    error_code code;
    socket.non_blocking(true, code);
    char byte = 0;
    if (!code) socket.receive(asio::buffer(&byte, 1), tcp::socket::message_peek, code);
    return code == asio::error::would_block;
  }
};

}  // namespace hillstar::providers::beast_detail
