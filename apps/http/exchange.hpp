// SPDX-License-Identifier: Apache-2.0
// One HTTP request and its answer, as handlers see them: no sockets, no library types. What moves the bytes is
// apps/http/server; who may ask is decided before a handler is called.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "messages/error.hpp"

namespace hillstar::http {

/// What a token allows; each includes those before it. `none` is for what needs no token: health, webhooks.
enum class Scope : std::uint8_t { none, read, operate, admin };

/// Who asks.
struct Principal {
  std::string name;  ///< Of the token, or of the account behind a local socket; empty: nobody in particular.
  Scope scope = Scope::none;
};

struct Request {
  std::string method;                                        ///< Upper case.
  std::string path;                                          ///< Percent-decoded, without the query.
  std::map<std::string, std::string> params;                 ///< Parts of the path that the route names.
  std::vector<std::pair<std::string, std::string>> query;    ///< Decoded, in order.
  std::vector<std::pair<std::string, std::string>> headers;  ///< Names in lower case, in order.
  std::string body;                                          ///< As it was sent, without transfer encoding.
  std::string peer;                                          ///< Address of the other side.
  Principal who;

  /// The first header of this name (lower case), or nothing.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
  /// The first query value of this name, or nothing.
  [[nodiscard]] std::optional<std::string_view> asked(std::string_view name) const;
};

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  ///< Besides length, date and type.
};

/// An open stream of server-sent events or of WebSocket messages. Any thread may write; what does not fit into the
/// bounded buffer of a slow client closes the stream and never makes the writer wait.
class Outlet {
 public:
  virtual ~Outlet() = default;
  /// One event: `id` and `event` may be empty; `data` must hold no bare carriage return. False: the stream is closed.
  virtual bool write(std::string_view id, std::string_view event, std::string_view data) = 0;
  /// The same for what may get lost: nothing happens if the client is slow to take what waits for it already.
  virtual bool offer(std::string_view event, std::string_view data) { return write({}, event, data); }
  virtual void close() = 0;
  /// Called once, when the client is gone or the stream is closed; on any thread.
  virtual void on_closed(std::function<void()> then) = 0;
};

/// The one answer to a request. Copies share it; the first call counts. Without any the client gets 500.
class Answer {
 public:
  virtual ~Answer() = default;
  virtual void send(Response response) = 0;
  /// 200 with text/event-stream, or 101 if the client asked for a WebSocket. Null: the client is gone.
  virtual std::shared_ptr<Outlet> stream() = 0;
};
using AnswerPtr = std::shared_ptr<Answer>;

/// Called on a thread of the handlers' pool, where it may block; answers now or later, from any thread.
using Handler = std::function<void(const std::shared_ptr<const Request>&, const AnswerPtr&)>;

struct Route {
  std::string method;
  std::string path;  ///< `/v1/runs/{run}/events`
  Scope scope = Scope::read;
  std::size_t body_max = 0;  ///< Bytes; 0: it takes no body.
  Handler handle;
};

/// problem+json (RFC 9457) of an error: status, HS number, place and mend.
Response problem(const Error& error);
/// The status that stands for an error.
unsigned status_of(Errc code);

}  // namespace hillstar::http
