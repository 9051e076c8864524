// SPDX-License-Identifier: Apache-2.0
// The Beast client: one thread, one io_context, one Exchange per request.
//
// Everything below runs on that thread, except send(), cancel() and the destructor, which only post to it.
#include <algorithm>
#include <array>
#include <boost/beast/http.hpp>
#include <optional>
#include <thread>
#include <unordered_set>

#include "providers/http/address.hpp"
#include "providers/http/connection_pool.hpp"
#include "providers/http/connector.hpp"
#include "providers/http/reply_body.hpp"
#include "providers/http/request_head.hpp"
#include "providers/http/resend.hpp"
#include "providers/http/sink_body.hpp"
#include "providers/http/tls_client.hpp"
#include "providers/http/transport.hpp"
#include "providers/http/url.hpp"

namespace hillstar::providers {
namespace {

using namespace beast_detail;
namespace http = boost::beast::http;

constexpr unsigned kInterimRepliesMax = 8;  // 1xx before the reply; a server may not loop on them.
constexpr std::size_t kHeaderFieldsMax = 256;

class Exchange;

/// What the exchanges share. Lives until the last cancellation handle has let go.
struct Core {
  explicit Core(const TransportOptions& given)
      : network(std::make_shared<const NetworkSettings>(given.network)),
        idle(io, {given.idle_connections_max, given.idle_connections_in_all_max, given.idle_connection_age}),
        trust(given.ca_file) {}

  std::shared_ptr<const NetworkSettings> network;  ///< For requests that bring none.
  asio::io_context io{1};
  ConnectionPool idle;
  TlsTrust trust;
  std::unordered_set<std::shared_ptr<Exchange>> live;  ///< Answered by the transport's end if by nothing else.
};

/// One request on its way. Every handler holds a shared_ptr; `finish` is the only way out.
class Exchange final : public std::enable_shared_from_this<Exchange>, private BodySink {
 public:
  Exchange(Core& core, HttpRequest request, HttpCallbacks callbacks)
      : core_(core), request_(std::move(request)), callbacks_(std::move(callbacks)), timer_(core.io) {}

  void start();
  void finish(HttpOutcome outcome, bool reusable = false);
  void fail(FailureClass kind, std::string message) { finish(Failure{kind, std::move(message), std::nullopt}); }

 private:
  bool on_body_bytes(std::string_view bytes) override;
  Result<void> prepare();
  void connect();
  void write();
  void read();
  void on_read(error_code code, std::size_t bytes);
  void on_header();
  void on_broken(const error_code& code);
  void report(std::optional<std::string> address, bool allowed, std::optional<std::string> failure);
  bool may_repeat(const error_code& code) const;
  void complete();
  void limit(const char* phase, Millis wait);
  void await_limit();
  std::string server() const { return to_.url.authority(); }
  /// The proxy that reads the request itself, because there is no TLS through it.
  const Proxy* reading_proxy() const { return to_.proxy && !to_.url.tls ? &*to_.proxy : nullptr; }

  Core& core_;
  HttpRequest request_;
  HttpCallbacks callbacks_;
  Destination to_;
  std::string route_;
  Secret head_;
  asio::steady_timer timer_;
  std::shared_ptr<Connector> connector_;  ///< While there is no connection yet.
  std::unique_ptr<Connection> connection_;
  std::optional<http::response_parser<SinkBody>> parser_;
  std::optional<ReplyBody> body_;
  HttpReply reply_;
  const char* phase_ = "";
  SteadyTime phase_end_;
  SteadyTime total_end_;
  error_code write_error_;
  std::optional<std::uint64_t> acknowledged_;  ///< When the request was about to be written.
  unsigned interim_replies_ = 0;
  bool timer_runs_ = false;
  bool reused_ = false;
  bool retried_ = false;
  bool received_ = false;  ///< A byte of a reply has arrived: the request must not be sent again.
  bool header_seen_ = false;
  bool enough_ = false;  ///< The body of an error reply was cut; that is no failure.
  bool body_failed_ = false;
  bool finished_ = false;
};

Result<void> Exchange::prepare() {
  const auto network = request_.network ? request_.network : core_.network;
  HILLSTAR_TRY(to_.url, parse_url(request_.url));
  HILLSTAR_CHECK(choose_way(to_, request_.url, *network, request_.reach.get()));
  HILLSTAR_TRY(head_, request_head(request_, to_.url, reading_proxy()));
  if (to_.url.tls) {
    HILLSTAR_TRY(to_.trust, core_.trust.context(*network));
  }
  route_ = route_of(to_, *network);
  return {};
}

void Exchange::start() {
  core_.live.insert(shared_from_this());
  total_end_ = std::chrono::steady_clock::now() + request_.total_timeout;
  if (const auto ready = prepare(); !ready) {
    const auto failure = unready(ready.error());
    if (failure.kind == FailureClass::permission) report(std::nullopt, false, failure.message);
    return finish(failure);
  }
  connection_ = core_.idle.take(route_);
  reused_ = connection_ != nullptr;
  reused_ ? write() : connect();
}

void Exchange::report(std::optional<std::string> address, bool allowed, std::optional<std::string> failure) {
  if (request_.reach && callbacks_.on_connection)
    callbacks_.on_connection({endpoint_of(to_.url), std::move(address), allowed, std::move(failure)});
}

void Exchange::connect() {
  reused_ = false;
  const auto connector = std::make_shared<Connector>(core_.io, to_);
  connector_ = connector;
  limit("connecting", request_.connect_timeout);
  connector->start([self = shared_from_this()](Connector::Outcome outcome) {
    self->connector_ = nullptr;
    if (auto* failed = std::get_if<Failure>(&outcome)) {
      self->report(std::nullopt, failed->kind != FailureClass::permission, failed->message);
      return self->finish(std::move(*failed));
    }
    self->connection_ = std::get<std::unique_ptr<Connection>>(std::move(outcome));
    self->write();
  });
}

void Exchange::write() {
  error_code code;
  const auto peer = connection_->socket.remote_endpoint(code);
  if (code) return on_broken(code);
  report(peer.address().to_string() + ":" + std::to_string(peer.port()), true, std::nullopt);
  error_code no_address;
  const auto target = to_.proxy ? asio::ip::make_address(to_.url.host, no_address) : peer.address();
  if (!request_.bearer.empty() && !to_.url.tls && (no_address || !is_local(target)))
    return fail(FailureClass::invalid_request,
                "The API key is not sent unencrypted to " + server() + "; use an https:// address.");
  acknowledged_ = acknowledged_bytes(connection_->socket.native_handle());
  limit("sending the request", request_.first_byte_timeout);
  const std::array<asio::const_buffer, 2> parts{asio::buffer(head_.reveal()), asio::buffer(request_.body)};
  connection_->with_stream([&](auto& stream) {
    asio::async_write(stream, parts, [self = shared_from_this()](const error_code& failed, std::size_t /*bytes*/) {
      if (self->finished_) return;
      // A server that refuses early answers before it has read all, and closes: its answer may still be there.
      self->write_error_ = failed;
      if (failed && self->reused_) return self->on_broken(failed);
      self->limit("waiting for the reply", self->request_.first_byte_timeout);
      self->parser_.emplace();
      self->body_.emplace(self->server(), self->request_.body_bytes_max);
      self->read();
    });
  });
}

void Exchange::read() {
  if (!header_seen_) {
    parser_->eager(true);
    parser_->header_limit(kHeaderBytesMax);
    parser_->body_limit(boost::none);  // Ours counts.
    parser_->get().body() = this;
  }
  connection_->buffer.reserve(kReadBytes);
  connection_->with_stream([&](auto& stream) {
    http::async_read_some(stream, connection_->buffer, *parser_,
                          [self = shared_from_this()](const error_code& code, std::size_t bytes) {
                            if (!self->finished_) self->on_read(code, bytes);
                          });
  });
}

void Exchange::on_read(error_code code, std::size_t bytes) {
  // A header that was cut lies in the buffer, and counts for nothing in `bytes`.
  received_ = received_ || bytes > 0 || connection_->buffer.size() > 0 || parser_->got_some();
  if (parser_->is_header_done() && !header_seen_) on_header();
  if (finished_) return;
  if (body_failed_) return finish(body_->failure());
  if (enough_) return complete();
  if (code) return on_broken(code);
  if (!parser_->is_done()) return read();
  if (reply_.status / 100 != 1) return complete();
  if (++interim_replies_ > kInterimRepliesMax || reply_.status == 101)
    return fail(FailureClass::malformed_reply, server() + " sends interim replies instead of an answer.");
  header_seen_ = false;
  reply_ = {};
  parser_.emplace();
  body_.emplace(server(), request_.body_bytes_max);
  read();
}

void Exchange::on_header() {
  header_seen_ = true;
  limit("reading the reply", request_.idle_timeout);
  // Not needed again: from here on the request is never repeated.
  request_.body = {};
  head_ = {};
  const auto& message = parser_->get();
  reply_.status = message.result_int();
  for (const auto& field : message) {
    if (reply_.headers.size() == kHeaderFieldsMax)
      return fail(FailureClass::malformed_reply, server() + " sends too many header fields.");
    std::string name(field.name_string());
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    reply_.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  if (reply_.status == 407 && reading_proxy() != nullptr) return finish(proxy_wants_password(*to_.proxy));
  if (reply_.status / 100 == 3) return finish(redirected(to_.url, reply_.status, reply_.header("location")));
  if (reply_.status / 100 == 1) return;
  body_failed_ = body_->begin(reply_.status, reply_.header("content-encoding"), std::move(callbacks_.on_body)) ==
                 ReplyBody::Verdict::failed;
}

bool Exchange::on_body_bytes(std::string_view bytes) {
  // The parser is eager: body bytes may come in the same call as the end of the header.
  if (!header_seen_) on_header();
  if (finished_ || enough_) return true;
  if (body_failed_) return false;
  limit("reading the reply", request_.idle_timeout);
  const auto verdict = body_->take(bytes);
  enough_ = verdict == ReplyBody::Verdict::enough;
  body_failed_ = verdict == ReplyBody::Verdict::failed;
  return !body_failed_;
}

bool Exchange::may_repeat(const error_code& code) const {
  if (received_ || retried_ || !reused_) return false;
  LostRequest lost;
  lost.method = request_.method;
  lost.connection_was_kept = true;
  // A write onto a connection that the server has closed says "broken pipe"; after a reset it says so.
  lost.ended_in_order = code == http::error::end_of_stream || code == asio::error::eof ||
                        code == asio::error::broken_pipe || code == ssl::error::stream_truncated;
  lost.acknowledged_before = acknowledged_;
  lost.acknowledged_after = acknowledged_bytes(connection_->socket.native_handle());
  return may_send_again(lost);
}

void Exchange::on_broken(const error_code& code) {
  if (may_repeat(code)) {
    retried_ = true;
    write_error_ = {};
    parser_.reset();
    return connect();
  }
  if (code == http::error::header_limit || code == http::error::buffer_overflow)
    return fail(FailureClass::output_limit, "The header of the reply of " + server() + " is too large.");
  const bool cut = code == http::error::partial_message || code == http::error::end_of_stream;
  if (code.category() == http::make_error_code(http::error::end_of_stream).category() && !cut)
    return fail(FailureClass::malformed_reply, "The reply of " + server() + " is no HTTP: " + code.message());
  const std::string why = write_error_ ? write_error_.message() : cut ? "closed" : code.message();
  fail(FailureClass::network, "The connection to " + server() + " broke " +
                                  (received_ ? "within the reply" : "before the reply") + ": " + why);
}

void Exchange::complete() {
  if (!enough_ && body_->end() == ReplyBody::Verdict::failed) return finish(body_->failure());
  reply_.body = body_->take_text();
  const bool clean =
      !enough_ && !write_error_ && parser_->is_done() && parser_->keep_alive() && connection_->buffer.size() == 0;
  finish(std::move(reply_), clean);
}

void Exchange::finish(HttpOutcome outcome, bool reusable) {
  if (finished_) return;
  finished_ = true;
  const auto self = shared_from_this();
  core_.live.erase(self);
  timer_.cancel();
  if (connector_ != nullptr) connector_->cancel();
  connector_ = nullptr;
  if (reusable) {
    // Back to a small buffer: a connection may stay idle for long.
    connection_->buffer.shrink_to_fit();
    core_.idle.keep(route_, std::move(connection_));
  } else if (connection_ != nullptr) {
    error_code ignored;
    connection_->socket.close(ignored);
  }
  const auto callbacks = std::move(callbacks_);
  if (callbacks.done) callbacks.done(std::move(outcome));
}

/// From now on the phase may take `wait`. The timer is left alone while it is due early enough: streams set a new
/// limit with every read.
void Exchange::limit(const char* phase, Millis wait) {
  phase_ = phase;
  phase_end_ = std::chrono::steady_clock::now() + wait;
  const auto due = std::min(phase_end_, total_end_);
  if (timer_runs_ && timer_.expiry() <= due) return;
  timer_.expires_at(due);
  await_limit();
}

void Exchange::await_limit() {
  timer_runs_ = true;
  timer_.async_wait([self = shared_from_this()](const error_code& code) {
    if (code || self->finished_) return;
    self->timer_runs_ = false;
    const auto now = std::chrono::steady_clock::now();
    const auto due = std::min(self->phase_end_, self->total_end_);
    if (now >= due) {
      const bool total = self->total_end_ <= now;
      const auto last = self->connector_ ? self->connector_->phase() : self->phase_;
      return self->fail(FailureClass::timeout,
                        self->server() + " took too long" + (total ? " in all" : "") + ", last " + last + ".");
    }
    self->timer_.expires_at(due);
    self->await_limit();
  });
}

class Handle final : public Cancellation {
 public:
  Handle(std::weak_ptr<Core> core, std::weak_ptr<Exchange> exchange)
      : core_(std::move(core)), exchange_(std::move(exchange)) {}

  void cancel() override {
    const auto core = core_.lock();
    if (core == nullptr) return;
    asio::post(core->io, [exchange = exchange_] {
      if (const auto found = exchange.lock()) found->fail(FailureClass::network, "The request was cancelled.");
    });
  }

 private:
  std::weak_ptr<Core> core_;
  std::weak_ptr<Exchange> exchange_;
};

class BeastTransport final : public Transport {
 public:
  explicit BeastTransport(const TransportOptions& options)
      : core_(std::make_shared<Core>(options)), work_(asio::make_work_guard(core_->io)), thread_([this] { run(); }) {}
  BeastTransport(const BeastTransport&) = delete;
  BeastTransport& operator=(const BeastTransport&) = delete;

  /// Not from a callback: it waits for the thread that callbacks run on.
  ~BeastTransport() override {
    asio::post(core_->io, [core = core_.get()] {
      const auto live = std::move(core->live);
      core->live.clear();
      for (const auto& exchange : live) exchange->fail(FailureClass::network, "The program is stopping.");
      core->idle.clear();
      core->io.stop();
    });
    thread_.join();
  }

  std::shared_ptr<Cancellation> send(HttpRequest request, HttpCallbacks callbacks) override {
    auto exchange = std::make_shared<Exchange>(*core_, std::move(request), std::move(callbacks));
    auto handle = std::make_shared<Handle>(core_, exchange);
    asio::post(core_->io, [exchange = std::move(exchange)] { exchange->start(); });
    return handle;
  }

 private:
  void run() {
    while (!core_->io.stopped()) {
      try {
        core_->io.run();
      } catch (const std::exception&) {
        // Out of memory or a throwing callback: its exchange is answered by its timer, the others go on.
      }
    }
  }

  std::shared_ptr<Core> core_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Transport> make_beast_transport(const TransportOptions& options) {
  return std::make_unique<BeastTransport>(options);
}

}  // namespace hillstar::providers
