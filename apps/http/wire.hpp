// SPDX-License-Identifier: Apache-2.0
// A socket, plain or under TLS, as one type that Beast reads and writes. Only the server's own files include it.
#pragma once

#include <boost/asio/compose.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket/teardown.hpp>
#include <memory>
#include <optional>

namespace hillstar::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
using tcp = asio::ip::tcp;
using beast::error_code;

/// Belongs to one strand. Meets Beast's AsyncStream.
class Wire {
 public:
  using executor_type = beast::tcp_stream::executor_type;

  Wire(tcp::socket socket, std::shared_ptr<asio::ssl::context> context) : context_(std::move(context)) {
    if (context_)
      tls_.emplace(beast::tcp_stream(std::move(socket)), *context_);
    else
      plain_.emplace(std::move(socket));
  }

  [[nodiscard]] bool is_tls() const { return tls_.has_value(); }
  executor_type get_executor() { return tcp_layer().get_executor(); }
  /// Deadlines hold for operations that begin afterwards.
  beast::tcp_stream& tcp_layer() { return tls_ ? tls_->next_layer() : *plain_; }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto handler, const Buffers& into) {
          if (tls_)
            tls_->async_read_some(into, std::move(handler));
          else
            plain_->async_read_some(into, std::move(handler));
        },
        token, buffers);
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto handler, const Buffers& from) {
          if (tls_)
            tls_->async_write_some(from, std::move(handler));
          else
            plain_->async_write_some(from, std::move(handler));
        },
        token, buffers);
  }

  /// TLS only.
  template <class Handler>
  void async_handshake(Handler&& handler) {
    tls_->async_handshake(asio::ssl::stream_base::server, std::forward<Handler>(handler));
  }
  template <class Handler>
  void async_goodbye(Handler&& handler) {
    tls_->async_shutdown(std::forward<Handler>(handler));
  }

  void shutdown_send() {
    error_code ignored;
    tcp_layer().socket().shutdown(tcp::socket::shutdown_send, ignored);
  }
  void close() { tcp_layer().close(); }

 private:
  std::shared_ptr<asio::ssl::context> context_;
  std::optional<beast::tcp_stream> plain_;
  std::optional<asio::ssl::stream<beast::tcp_stream>> tls_;
};

// What Beast's WebSocket asks of the stream below it.
inline void beast_close_socket(Wire& wire) { wire.close(); }
inline void teardown(beast::role_type /*role*/, Wire& wire, error_code& failed) {
  failed = {};
  wire.close();
}
template <class Handler>
void async_teardown(beast::role_type /*role*/, Wire& wire, Handler&& handler) {
  wire.shutdown_send();
  asio::post(wire.get_executor(), beast::bind_front_handler(std::forward<Handler>(handler), error_code()));
}

}  // namespace hillstar::http
