// SPDX-License-Identifier: Apache-2.0
// The only file that knows Beast and TLS, with beast_connection.hpp: one thread, one io_context, one Exchange per
// request.
//
// Everything below runs on that thread, except send(), cancel() and the destructor, which only post to it.
#include <algorithm>
#include <array>
#include <optional>
#include <thread>

#include "providers/http/address.hpp"
#include "providers/http/beast_connection.hpp"
#include "providers/http/request_head.hpp"
#include "providers/http/transport.hpp"
#include "providers/http/url.hpp"

namespace hillstar::providers {
namespace {

using namespace beast_detail;
namespace http = boost::beast::http;

constexpr std::size_t kErrorBodyBytesMax = 64U << 10U;  // Enough to say why; the rest of an error body is not read.
constexpr unsigned kInterimRepliesMax = 8;              // 1xx before the reply; a server may not loop on them.
constexpr std::size_t kHeaderFieldsMax = 256;

Failure failure(FailureClass kind, std::string message) { return {kind, std::move(message), std::nullopt}; }

}  // namespace

/// One request on its way. Every handler holds a shared_ptr; `finish` is the only way out.
class Exchange final : public std::enable_shared_from_this<Exchange>, private BodySink {
 public:
  Exchange(Core& core, HttpRequest request, HttpCallbacks callbacks)
      : core_(core),
        request_(std::move(request)),
        callbacks_(std::move(callbacks)),
        timer_(core.io),
        resolver_(core.io) {}

  void start();
  void finish(HttpOutcome outcome, bool reusable = false);

 private:
  bool on_body_bytes(std::string_view bytes) override;
  void connect();
  void on_resolved(const error_code& code, std::vector<tcp::endpoint> endpoints);
  void handshake();
  void write();
  void read();
  void on_read(error_code code, std::size_t bytes);
  void on_header();
  void on_broken(const error_code& code);
  void complete();
  void limit(const char* phase, Millis wait);
  void await_limit();
  std::string server() const { return url_.authority(); }

  Core& core_;
  HttpRequest request_;
  HttpCallbacks callbacks_;
  Url url_;
  Secret head_;
  asio::steady_timer timer_;
  tcp::resolver resolver_;
  std::unique_ptr<Connection> connection_;
  std::optional<http::response_parser<SinkBody>> parser_;
  HttpReply reply_;
  const char* phase_ = "";
  SteadyTime phase_end_;
  SteadyTime total_end_;
  error_code write_error_;
  std::uint64_t body_bytes_ = 0;
  unsigned interim_replies_ = 0;
  bool timer_runs_ = false;
  bool reused_ = false;
  bool retried_ = false;
  bool received_ = false;  ///< A byte of a reply has arrived: the request must not be sent again.
  bool header_seen_ = false;
  bool enough_ = false;  ///< The body of an error reply was cut; that is no failure.
  bool finished_ = false;
};

void Exchange::start() {
  core_.live.insert(shared_from_this());
  const auto now = std::chrono::steady_clock::now();
  total_end_ = now + request_.total_timeout;
  auto url = parse_url(request_.url);
  if (!url) return finish(failure(FailureClass::invalid_request, url.error().message));
  url_ = *std::move(url);
  auto head = request_head(request_, url_);
  if (!head) return finish(failure(FailureClass::invalid_request, head.error().message));
  head_ = *std::move(head);
  if (url_.tls) core_.load_certificates();
  if (url_.tls && !core_.tls_problem.empty())
    return finish(failure(FailureClass::io, "No TLS connection is possible: " + core_.tls_problem));
  connection_ = core_.take_idle(url_.origin());
  reused_ = connection_ != nullptr;
  if (reused_)
    write();
  else
    connect();
}

void Exchange::connect() {
  reused_ = false;
  connection_ = std::make_unique<Connection>(core_.io);
  limit("connecting", request_.connect_timeout);
  error_code no_address;
  const auto address = asio::ip::make_address(url_.host, no_address);
  if (!no_address) return on_resolved({}, {tcp::endpoint(address, url_.port)});
  resolver_.async_resolve(
      url_.host, std::to_string(url_.port),
      [self = shared_from_this()](const error_code& code, const tcp::resolver::results_type& found) {
        self->on_resolved(code, {found.begin(), found.end()});
      });
}

void Exchange::on_resolved(const error_code& code, std::vector<tcp::endpoint> endpoints) {
  if (finished_) return;
  if (code)
    return finish(failure(FailureClass::network, "The address of " + server() + " cannot be found: " + code.message()));
  // The addresses that are checked are the ones that are used: no second look-up that could answer otherwise.
  std::erase_if(endpoints, [](const tcp::endpoint& endpoint) { return !is_permitted(endpoint.address()); });
  if (endpoints.empty())
    return finish(failure(FailureClass::invalid_request,
                          server() + " has a link-local, multicast or unspecified address; it is not called."));
  const auto hold = std::make_shared<std::vector<tcp::endpoint>>(std::move(endpoints));
  asio::async_connect(connection_->socket, *hold,
                      [self = shared_from_this(), hold](const error_code& failed, const tcp::endpoint& /*used*/) {
                        if (self->finished_) return;
                        if (failed)
                          return self->finish(failure(FailureClass::network,
                                                      "No connection to " + self->server() + ": " + failed.message()));
                        error_code ignored;
                        self->connection_->socket.set_option(tcp::no_delay(true), ignored);
                        self->url_.tls ? self->handshake() : self->write();
                      });
}

void Exchange::handshake() {
  auto& stream = connection_->tls.emplace(connection_->socket, *core_.tls);
  error_code no_address;
  asio::ip::make_address(url_.host, no_address);
  if (no_address) SSL_set_tlsext_host_name(stream.native_handle(), url_.host.c_str());
  stream.set_verify_callback(ssl::host_name_verification(url_.host));
  stream.async_handshake(ssl::stream_base::client, [self = shared_from_this()](const error_code& code) {
    if (self->finished_) return;
    if (!code) return self->write();
    const long verdict = SSL_get_verify_result(self->connection_->tls->native_handle());
    if (verdict != X509_V_OK)
      return self->finish(failure(FailureClass::auth, "The certificate of " + self->server() + " is not accepted: " +
                                                          X509_verify_cert_error_string(verdict)));
    self->finish(failure(FailureClass::network, "No TLS connection to " + self->server() + ": " + code.message()));
  });
}

void Exchange::write() {
  error_code code;
  const auto peer = connection_->socket.remote_endpoint(code);
  if (code) return on_broken(code);
  if (!request_.bearer.empty() && !url_.tls && !is_local(peer.address()))
    return finish(failure(FailureClass::invalid_request,
                          "The API key is not sent unencrypted to " + server() + "; use an https:// address."));
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
      self->read();
    });
  });
}

void Exchange::read() {
  if (!header_seen_) {
    parser_->eager(true);
    parser_->header_limit(kHeaderBytesMax);
    parser_->body_limit(request_.body_bytes_max);
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
  if (enough_) return complete();
  if (code) return on_broken(code);
  if (!parser_->is_done()) return read();
  if (reply_.status / 100 != 1) return complete();
  if (++interim_replies_ > kInterimRepliesMax || reply_.status == 101)
    return finish(failure(FailureClass::malformed_reply, server() + " sends interim replies instead of an answer."));
  header_seen_ = false;
  reply_ = {};
  parser_.emplace();
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
      return finish(failure(FailureClass::malformed_reply, server() + " sends too many header fields."));
    std::string name(field.name_string());
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    reply_.headers.emplace_back(std::move(name), std::string(field.value()));
  }
}

bool Exchange::on_body_bytes(std::string_view bytes) {
  // The parser is eager: body bytes may come in the same call as the end of the header.
  if (!header_seen_) on_header();
  if (finished_ || enough_) return true;
  limit("reading the reply", request_.idle_timeout);
  body_bytes_ += bytes.size();
  if (body_bytes_ > request_.body_bytes_max) return false;
  if (reply_.status / 100 != 2) {
    reply_.body += bytes.substr(0, kErrorBodyBytesMax - std::min(reply_.body.size(), kErrorBodyBytesMax));
    enough_ = reply_.body.size() == kErrorBodyBytesMax;
  } else if (callbacks_.on_body) {
    callbacks_.on_body(bytes);
  } else {
    reply_.body += bytes;
  }
  return true;
}

void Exchange::on_broken(const error_code& code) {
  // The server closed an idle connection while the request was on its way, and has not begun to answer. Sending once
  // more is what RFC 9110, section 9.2.2 allows clients that know their requests; at worst a reply is paid twice.
  if (reused_ && !received_ && !retried_) {
    retried_ = true;
    write_error_ = {};
    parser_.reset();
    return connect();
  }
  if (code == http::error::body_limit)
    return finish(failure(FailureClass::output_limit, "The reply of " + server() + " is larger than " +
                                                          std::to_string(request_.body_bytes_max) + " bytes."));
  if (code == http::error::header_limit || code == http::error::buffer_overflow)
    return finish(failure(FailureClass::output_limit, "The header of the reply of " + server() + " is too large."));
  const bool cut = code == http::error::partial_message || code == http::error::end_of_stream;
  if (code.category() == http::make_error_code(http::error::end_of_stream).category() && !cut)
    return finish(
        failure(FailureClass::malformed_reply, "The reply of " + server() + " is no HTTP: " + code.message()));
  const std::string why = write_error_ ? write_error_.message() : cut ? "closed" : code.message();
  finish(failure(FailureClass::network, "The connection to " + server() + " broke " +
                                            (received_ ? "within the reply" : "before the reply") + ": " + why));
}

void Exchange::complete() {
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
  resolver_.cancel();
  if (reusable) {
    // Back to a small buffer: a connection may stay idle for long.
    connection_->buffer.shrink_to_fit();
    core_.keep(url_.origin(), std::move(connection_));
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
      return self->finish(failure(FailureClass::timeout, self->server() + " took too long" + (total ? " in all" : "") +
                                                             ", last " + self->phase_ + "."));
    }
    self->timer_.expires_at(due);
    self->await_limit();
  });
}

namespace {

class Handle final : public Cancellation {
 public:
  Handle(std::weak_ptr<Core> core, std::weak_ptr<Exchange> exchange)
      : core_(std::move(core)), exchange_(std::move(exchange)) {}

  void cancel() override {
    const auto core = core_.lock();
    if (core == nullptr) return;
    asio::post(core->io, [exchange = exchange_] {
      if (const auto found = exchange.lock())
        found->finish(failure(FailureClass::network, "The request was cancelled."));
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
      for (const auto& exchange : live) exchange->finish(failure(FailureClass::network, "The program is stopping."));
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
