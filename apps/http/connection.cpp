// SPDX-License-Identifier: Apache-2.0
#include "apps/http/connection.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <optional>

#include "apps/http/outlet.hpp"
#include "apps/http/response_text.hpp"
#include "apps/http/target.hpp"
#include "apps/http/wire.hpp"
#include "runtime/telemetry/trace_context.hpp"

namespace hillstar::http {
namespace {

constexpr std::size_t kReadBytes = 4U << 10U;
/// What a client may still send after it was refused, so that it gets to read why.
constexpr std::size_t kLingerBytesMax = 1U << 20U;
constexpr std::chrono::seconds kLinger{2};

using Parser = beast::http::request_parser<beast::http::string_body>;

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

/// How a head that cannot be read is answered.
Response bad_head(error_code failed) {
  if (failed == beast::http::error::header_limit)
    return problem_with(Error{Errc::too_large, "The head of the request is too large.", {}, {}}, 431);
  return problem_with(Error{Errc::usage, "This is not an HTTP/1.1 request: " + failed.message() + ".", {}, {}}, 400);
}

class Connection final : public Guest, public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<ServerCore> core, tcp::socket socket, std::unique_ptr<Guests::Place> place,
             std::shared_ptr<asio::ssl::context> context)
      : core_(std::move(core)),
        place_(std::move(place)),
        wire_(std::make_unique<Wire>(std::move(socket), std::move(context))),
        strand_(wire_->get_executor()) {}

  void begin() {
    place_->taken_by(weak_from_this());
    error_code ignored;
    auto& socket = wire_->tcp_layer().socket();
    socket.set_option(tcp::no_delay(true), ignored);
    local_ = socket.local_endpoint(ignored).address().to_string();
    if (!wire_->is_tls()) return read_head(true);
    deadline(core_->options.head_deadline);
    wire_->async_handshake([self = shared_from_this(), this](error_code failed) {
      if (failed) return end();
      read_head(true);
    });
  }

  // Guest; from any thread.
  void leave() override {
    asio::post(strand_, [self = shared_from_this(), this] {
      if (idle_) end();
    });
  }
  void cut() override {
    asio::post(strand_, [self = shared_from_this(), this] { end(); });
  }

  [[nodiscard]] const Wire::executor_type& strand() const { return strand_; }
  [[nodiscard]] const std::shared_ptr<ServerCore>& core() const { return core_; }
  [[nodiscard]] bool wants_websocket() const { return wants_websocket_; }

  /// On the strand, once for each request that was handed to a handler.
  void answer(Response response) {
    if (!wire_) return;
    respond(std::move(response), false);
  }
  /// The same, with a stream: this connection ends, and the stream goes on with its socket.
  void become(const std::shared_ptr<Stream>& stream) {
    if (!wire_) return stream->gone();
    count(wants_websocket_ ? 101 : 200, 0);
    Handover handover{std::move(wire_), std::move(place_), request_, admitted_.token_id, old_, std::move(upgrade_)};
    stream->begin(std::move(handover));
  }

 private:
  void deadline(Millis after) { wire_->tcp_layer().expires_after(after); }

  /// `fresh`: nothing was read on this connection yet, so that the deadline counts from here.
  void read_head(bool fresh) {
    if (core_->traffic->draining) return end();
    parser_.reset();
    request_.reset();
    if (buffer_.size() > 0) return parse_head();  // a pipelined one
    idle_ = true;
    deadline(fresh ? core_->options.head_deadline : core_->options.idle_timeout);
    wire_->async_read_some(buffer_.prepare(kReadBytes),
                           [self = shared_from_this(), this](error_code failed, std::size_t bytes) {
                             idle_ = false;
                             if (failed || !wire_) return end();
                             buffer_.commit(bytes);
                             parse_head();
                           });
  }

  void parse_head() {
    since_ = core_->options.clock->steady_now();
    parser_.emplace();
    parser_->header_limit(kHeadBytesMax);
    parser_->body_limit(boost::none);  // each route has its own
    deadline(core_->options.head_deadline);
    beast::http::async_read_header(
        *wire_, buffer_, *parser_, [self = shared_from_this(), this](error_code failed, std::size_t) {
          if (!wire_) return;
          if (!failed) return on_head();
          if (failed.category() != beast::http::make_error_code({}).category() ||
              failed == beast::http::error::end_of_stream || failed == beast::http::error::partial_message)
            return end();
          respond(bad_head(failed), true);
        });
  }

  void on_head() {
    const auto& message = parser_->get();
    old_ = message.version() < 11;
    keeps_ = message.keep_alive();
    wants_websocket_ = beast::websocket::is_upgrade(message);
    request_ = std::make_shared<Request>();
    request_->method = std::string(message.method_string());
    request_->peer = place_->peer();
    for (const auto& field : message)
      request_->headers.emplace_back(lower_case(field.name_string()), std::string(field.value()));
    const bool has_body = parser_->chunked() || parser_->content_length().value_or(0) > 0;
    if (auto refusal = bad_framing()) return respond(*std::move(refusal), true);
    auto seen = core_->gate->look({request_, std::string(message.target()), local_});
    if (auto* refusal = std::get_if<Response>(&seen)) return respond(std::move(*refusal), has_body);
    admitted_ = std::get<Admitted>(std::move(seen));
    if (!has_body) return hand_over();
    const auto most = admitted_.route->body_max;
    if (most == 0 || parser_->content_length().value_or(0) > most) return respond(too_large(most), true);
    parser_->body_limit(most);
    if (const auto expects = request_->header("expect")) {
      if (lower_case(*expects) != "100-continue")
        return respond(problem_with(Error{Errc::usage, "This expectation is not known.", "expect", {}}, 417), true);
      return ask_for_body();
    }
    read_body();
  }

  [[nodiscard]] std::optional<Response> bad_framing() const {
    const auto& message = parser_->get();
    if (message.target().size() > kTargetBytesMax)
      return problem_with(Error{Errc::too_large, "The address is too long.", {}, {}}, 414);
    const auto coding = request_->header("transfer-encoding");
    if (coding && (lower_case(*coding) != "chunked" || old_ || request_->header("content-length")))
      return problem_with(Error{Errc::usage, "This transfer encoding is not known.", "transfer-encoding", {}}, 400);
    return std::nullopt;
  }

  static Response too_large(std::size_t most) {
    return problem(Error{Errc::too_large,
                         most == 0 ? "This takes no body."
                                   : "The body is larger than the " + std::to_string(most) + " bytes that this takes.",
                         {},
                         {}});
  }

  void ask_for_body() {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(*wire_, asio::buffer(kContinue),
                      [self = shared_from_this(), this](error_code failed, std::size_t) {
                        if (failed || !wire_) return end();
                        read_body();
                      });
  }

  void read_body() {
    deadline(core_->options.body_deadline);
    beast::http::async_read(
        *wire_, buffer_, *parser_, [self = shared_from_this(), this](error_code failed, std::size_t) {
          if (!wire_) return;
          if (failed == beast::http::error::body_limit) return respond(too_large(admitted_.route->body_max), true);
          if (failed == beast::http::error::bad_chunk || failed == beast::http::error::bad_chunk_extension)
            return respond(bad_head(failed), true);
          if (failed) return end();
          request_->body = std::move(parser_->get().body());
          hand_over();
        });
  }

  void hand_over();

  void count(unsigned status, std::size_t bytes) {
    const auto taken = core_->options.clock->steady_now() - since_;
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(taken).count();
    const auto* route = admitted_.route;
    if (core_->options.access) tell(status, bytes, static_cast<std::uint64_t>(std::max<std::int64_t>(micros, 0)));
    core_->traffic->answered(route == nullptr ? std::string() : route->method + " " + route->path, status,
                             static_cast<std::uint64_t>(std::max<std::int64_t>(micros, 0)));
    admitted_.route = nullptr;
  }

  void tell(unsigned status, std::size_t bytes, std::uint64_t micros) {
    Access access;
    access.at = core_->options.clock->utc_now();
    access.status = status;
    access.bytes = bytes;
    access.micros = micros;
    if (request_) {
      access.method = request_->method;
      access.peer = request_->peer;
      access.who = request_->who.name;
      if (const auto header = request_->header("traceparent"))
        if (const auto trace = telemetry::read_traceparent(*header)) access.trace = trace->trace_id;
    } else if (place_) {
      access.peer = place_->peer();
    }
    if (admitted_.route != nullptr) access.route = admitted_.route->path;
    core_->options.access->add(std::move(access));
  }

  /// `closes`: what the client still sends is not read as a request.
  void respond(Response response, bool closes) {
    keeps_ = keeps_ && !closes && !core_->traffic->draining;
    count(response.status, response.body.size());
    head_ = head_text(response, {keeps_, old_, false, core_->seconds_now()});
    body_ = std::move(response.body);
    if ((request_ && request_->method == "HEAD") || response.status == 204 || response.status == 304) body_.clear();
    deadline(core_->options.write_deadline);
    const std::array<asio::const_buffer, 2> pieces{asio::buffer(head_), asio::buffer(body_)};
    asio::async_write(*wire_, pieces, [self = shared_from_this(), this](error_code failed, std::size_t) {
      if (failed || !wire_) return end();
      std::string().swap(body_);
      if (keeps_) return read_head(false);
      say_goodbye();
    });
  }

  void say_goodbye() {
    deadline(kLinger);
    if (!wire_->is_tls()) {
      wire_->shutdown_send();
      return linger(0);
    }
    wire_->async_goodbye([self = shared_from_this(), this](error_code) { end(); });
  }

  /// Closing while bytes are unread would take back what was just written.
  void linger(std::size_t bytes_so_far) {
    buffer_.consume(buffer_.size());
    wire_->async_read_some(buffer_.prepare(kReadBytes),
                           [self = shared_from_this(), this, bytes_so_far](error_code failed, std::size_t bytes) {
                             if (failed || !wire_ || bytes_so_far + bytes > kLingerBytesMax) return end();
                             linger(bytes_so_far + bytes);
                           });
  }

  void end() {
    if (!wire_) return;
    wire_->close();
    wire_.reset();
    place_.reset();
  }

  std::shared_ptr<ServerCore> core_;
  std::unique_ptr<Guests::Place> place_;
  std::unique_ptr<Wire> wire_;  // null: the end, or a stream has it
  Wire::executor_type strand_;
  std::string local_;
  beast::flat_buffer buffer_{kHeadBytesMax + kReadBytes};
  std::optional<Parser> parser_;
  std::chrono::steady_clock::time_point since_;
  std::shared_ptr<Request> request_;
  Admitted admitted_;
  beast::http::request<beast::http::string_body> upgrade_;
  std::string head_;
  std::string body_;
  bool idle_ = false;
  bool old_ = false;
  bool keeps_ = true;
  bool wants_websocket_ = false;
};

/// The one answer; what a handler forgets, is answered when it lets go.
class OneAnswer final : public Answer {
 public:
  explicit OneAnswer(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}
  ~OneAnswer() override { send(problem(Error{Errc::internal, "The request was not answered.", {}, {}})); }

  void send(Response response) override {
    if (used_.exchange(true)) return;
    asio::post(connection_->strand(), [connection = connection_, response = std::move(response)]() mutable {
      connection->answer(std::move(response));
    });
  }

  std::shared_ptr<Outlet> stream() override {
    if (used_.exchange(true)) return nullptr;
    const auto make = connection_->wants_websocket() ? make_websocket_stream : make_event_stream;
    auto made = make(connection_->core(), connection_->strand());
    asio::post(connection_->strand(), [connection = connection_, made] { connection->become(made); });
    return made;
  }

 private:
  std::shared_ptr<Connection> connection_;
  std::atomic<bool> used_{false};
};

void Connection::hand_over() {
  if (wants_websocket_) upgrade_ = parser_->release();
  parser_.reset();
  wire_->tcp_layer().expires_never();
  auto answer_here = std::make_shared<OneAnswer>(shared_from_this());
  const auto work = [route = admitted_.route, request = std::shared_ptr<const Request>(request_), answer_here,
                     log = core_->options.log] {
    const auto failed = [&](const std::string& what) {
      log("error HS900: a request failed by a bug: " + what);
      answer_here->send(problem(Error{Errc::internal, "The request failed by a bug.", {}, {}}));
    };
    try {
      route->handle(request, answer_here);
    } catch (const InvariantError& bug) {
      failed(bug.message);
    } catch (const std::exception& bug) {
      failed(bug.what());
    }
  };
  if (!core_->handle(work)) {
    answer_here->send(
        problem(Error{Errc::system_limit, "Too many requests wait to be answered.", {}, "Try again later."}));
  }
}

}  // namespace

void serve_connection(std::shared_ptr<ServerCore> core, tcp::socket socket, std::unique_ptr<Guests::Place> place,
                      std::shared_ptr<asio::ssl::context> context) {
  std::make_shared<Connection>(std::move(core), std::move(socket), std::move(place), std::move(context))->begin();
}

}  // namespace hillstar::http
