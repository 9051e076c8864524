// SPDX-License-Identifier: Apache-2.0
// A stream as WebSocket messages, for clients that asked for an upgrade. They have nothing to say on it themselves.
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>

#include "apps/http/auth.hpp"
#include "apps/http/outlet.hpp"
#include "apps/http/response_text.hpp"

namespace hillstar::http {
namespace {

namespace websocket = beast::websocket;

constexpr std::size_t kMessageBytesMax = 64U << 10U;

/// What a client offers, but for the one that carries its token: that one is named only if there is no other, because
/// browsers want one of theirs confirmed.
std::string subprotocol(const Request& request) {
  auto rest = request.header("sec-websocket-protocol").value_or("");
  while (!rest.empty()) {
    const auto end = std::min(rest.find(','), rest.size());
    auto name = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    while (!name.empty() && name.front() == ' ') name.remove_prefix(1);
    while (!name.empty() && name.back() == ' ') name.remove_suffix(1);
    if (!name.empty() && !name.starts_with("bearer.")) return std::string(name);
  }
  return bearer_subprotocol(request);
}

class WebSocketStream final : public Stream {
 public:
  using Stream::Stream;

 private:
  void greet() override {
    link_.wire->tcp_layer().expires_never();  // the WebSocket has a clock of its own
    socket_.emplace(*link_.wire);
    const auto& options = core_->options;
    // Who is silent is asked after half of the time.
    socket_->set_option(websocket::stream_base::timeout{options.head_deadline, 2 * options.heartbeat, true});
    socket_->set_option(
        websocket::stream_base::decorator([protocol = subprotocol(*link_.request)](websocket::response_type& response) {
          if (!protocol.empty()) response.set(beast::http::field::sec_websocket_protocol, protocol);
        }));
    socket_->read_message_max(kMessageBytesMax);
    socket_->text(true);
    socket_->async_accept(link_.upgrade, [self = shared_from_this(), this](error_code failed) {
      link_.upgrade = {};
      if (!failed) listen();
      greeted(failed);
    });
  }

  void transmit(std::string bytes) override {
    bytes_ = std::move(bytes);
    socket_->async_write(asio::buffer(bytes_), [self = shared_from_this(), this](error_code failed, std::size_t) {
      std::string().swap(bytes_);
      transmitted(failed);
    });
  }

  void beat() override {}  // Beast asks by itself.

  void say_goodbye() override {
    socket_->async_close(websocket::close_code::going_away, [self = shared_from_this(), this](error_code) { gone(); });
  }

  [[nodiscard]] std::string encoded(std::string_view id, std::string_view event, std::string_view data) const override {
    return message_text(id, event, data);
  }
  [[nodiscard]] bool joins() const override { return false; }

  /// Until the client goes; also what answers its pings.
  void listen() {
    socket_->async_read(unasked_, [self = shared_from_this(), this](error_code failed, std::size_t) {
      if (failed) return gone();
      unasked_.clear();
      if (!is_gone()) listen();
    });
  }

  std::optional<websocket::stream<Wire&>> socket_;
  std::string bytes_;
  beast::flat_buffer unasked_;
};

}  // namespace

std::shared_ptr<Stream> make_websocket_stream(std::shared_ptr<ServerCore> core, Wire::executor_type strand) {
  return std::make_shared<WebSocketStream>(std::move(core), std::move(strand));
}

}  // namespace hillstar::http
