// SPDX-License-Identifier: Apache-2.0
// A connection that became a stream: server-sent events, or WebSocket messages. Only the server's own files include it.
//
// Writers fill a bounded buffer under a lock; the strand of the socket empties it. No thread waits for a client.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "apps/http/exchange.hpp"
#include "apps/http/guests.hpp"
#include "apps/http/server_core.hpp"
#include "apps/http/wire.hpp"

namespace hillstar::http {

/// What a connection hands over.
struct Handover {
  std::unique_ptr<Wire> wire;
  std::unique_ptr<Guests::Place> place;
  std::shared_ptr<const Request> request;
  std::string token_id;
  bool old = false;                                        ///< HTTP/1.0.
  beast::http::request<beast::http::string_body> upgrade;  ///< Of a WebSocket.
};

class Stream : public Outlet, public Guest, public std::enable_shared_from_this<Stream> {
 public:
  Stream(std::shared_ptr<ServerCore> core, Wire::executor_type strand);
  ~Stream() override;

  bool write(std::string_view id, std::string_view event, std::string_view data) override;
  bool offer(std::string_view event, std::string_view data) override;
  void close() override;
  void on_closed(std::function<void()> then) override;
  void leave() override { close(); }
  void cut() override;

  /// On the strand: takes the socket over and begins.
  void begin(Handover handover);
  /// On the strand, instead of begin: the client is gone.
  void gone();

 protected:
  // All on the strand.
  virtual void greet() = 0;                      ///< Calls greeted() at its end.
  virtual void transmit(std::string bytes) = 0;  ///< Calls transmitted() at its end.
  virtual void beat() = 0;                       ///< Every now and then, while the client is there.
  virtual void say_goodbye() = 0;                ///< Calls gone() at its end.
  [[nodiscard]] virtual std::string encoded(std::string_view id, std::string_view event,
                                            std::string_view data) const = 0;
  [[nodiscard]] virtual bool joins() const = 0;  ///< What waits is transmitted in one piece.

  /// As write, for bytes that need no encoding. Any thread.
  bool enqueue(std::string bytes);
  void greeted(error_code failed);
  void transmitted(error_code failed);
  [[nodiscard]] bool is_gone() const { return gone_; }

  std::shared_ptr<ServerCore> core_;
  Handover link_;
  Wire::executor_type strand_;

 private:
  void pump();
  void await_beat();

  std::mutex mutex_;  // of what writers touch:
  std::deque<std::string> pending_;
  std::size_t pending_bytes_ = 0;
  bool scheduled_ = false;
  bool closing_ = false;
  bool closed_ = false;
  std::function<void()> then_;

  asio::steady_timer timer_;  // the rest belongs to the strand
  bool begun_ = false;
  bool writing_ = false;
  bool gone_ = false;
};

std::shared_ptr<Stream> make_event_stream(std::shared_ptr<ServerCore> core, Wire::executor_type strand);
std::shared_ptr<Stream> make_websocket_stream(std::shared_ptr<ServerCore> core, Wire::executor_type strand);

}  // namespace hillstar::http
