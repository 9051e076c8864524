// SPDX-License-Identifier: Apache-2.0
// Server-sent events: the body of an answer that does not end.
#include <array>
#include <boost/asio/write.hpp>

#include "apps/http/outlet.hpp"
#include "apps/http/response_text.hpp"

namespace hillstar::http {
namespace {

/// A client of a stream of events has nothing more to say; what it says all the same is thrown away, up to this.
constexpr std::size_t kUnaskedBytesMax = 64U << 10U;

class EventStream final : public Stream {
 public:
  using Stream::Stream;

 private:
  void greet() override {
    Response response;
    response.content_type = "text/event-stream";
    response.headers = {{"x-accel-buffering", "no"}};
    put(head_text(response, {false, link_.old, true, core_->seconds_now()}), [this](error_code failed) {
      if (failed || link_.request->method == "HEAD") return end();
      link_.wire->tcp_layer().expires_never();
      listen();
      greeted(failed);
    });
  }

  void transmit(std::string bytes) override {
    put(link_.old ? std::move(bytes) : chunk_text(bytes), [this](error_code failed) { transmitted(failed); });
  }

  // A comment: clients skip it, and a connection that is dead shows.
  void beat() override { enqueue(":\n\n"); }

  void say_goodbye() override {
    put(link_.old ? "" : "0\r\n\r\n", [this](error_code failed) {
      if (failed || !link_.wire->is_tls()) return end();
      link_.wire->async_goodbye([self = shared_from_this(), this](error_code) { end(); });
    });
  }

  void end() {
    link_.wire->shutdown_send();
    gone();
  }

  [[nodiscard]] std::string encoded(std::string_view id, std::string_view event, std::string_view data) const override {
    return event_text(id, event, data);
  }
  [[nodiscard]] bool joins() const override { return true; }

  template <class Then>
  void put(std::string bytes, Then then) {
    bytes_ = std::move(bytes);
    link_.wire->tcp_layer().expires_after(core_->options.write_deadline);
    asio::async_write(*link_.wire, asio::buffer(bytes_),
                      [self = shared_from_this(), this, then](error_code failed, std::size_t) {
                        std::string().swap(bytes_);
                        then(failed);
                      });
  }

  /// Until the client goes.
  void listen() {
    link_.wire->async_read_some(asio::buffer(unasked_),
                                [self = shared_from_this(), this](error_code failed, std::size_t bytes) {
                                  unasked_bytes_ += bytes;
                                  if (failed || unasked_bytes_ > kUnaskedBytesMax) return gone();
                                  if (!is_gone()) listen();
                                });
  }

  std::string bytes_;
  std::array<char, 256> unasked_{};
  std::size_t unasked_bytes_ = 0;
};

}  // namespace

std::shared_ptr<Stream> make_event_stream(std::shared_ptr<ServerCore> core, Wire::executor_type strand) {
  return std::make_shared<EventStream>(std::move(core), std::move(strand));
}

}  // namespace hillstar::http
