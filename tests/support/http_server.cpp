// SPDX-License-Identifier: Apache-2.0
#include "tests/support/http_server.hpp"

#include <algorithm>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace hillstar::testing {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kRequestBytesMax = 64U << 20U;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

}  // namespace

Step send(std::string bytes) { return {Step::Kind::send, std::move(bytes), {}}; }
Step pause(std::chrono::milliseconds wait) { return {Step::Kind::pause, {}, wait}; }
Step hold() { return {Step::Kind::hold, {}, {}}; }
Step stall() { return {Step::Kind::stall, {}, {}}; }
Step repeat(std::string bytes) { return {Step::Kind::repeat, std::move(bytes), {}}; }
Step close() { return {Step::Kind::close, {}, {}}; }
Step reset() { return {Step::Kind::reset, {}, {}}; }

std::string reply(std::string_view body, std::string_view status, std::string_view fields) {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Type: application/json\r\n" + std::string(fields) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

std::string chunk(std::string_view bytes) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, bytes.size(), 16).ptr;
  return std::string(digits, end) + "\r\n" + std::string(bytes) + "\r\n";
}

std::string chunked_header(std::string_view type) {
  return "HTTP/1.1 200 OK\r\nContent-Type: " + std::string(type) + "\r\nTransfer-Encoding: chunked\r\n\r\n";
}

std::string SeenRequest::field(std::string_view name) const {
  const std::string start = "\r\n" + lower(name) + ":";
  const auto at = lower(head).find(start);
  if (at == std::string::npos) return {};
  const auto begin = head.find_first_not_of(' ', at + start.size());
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

class HttpServer::State : public std::enable_shared_from_this<HttpServer::State> {
 public:
  class Connection;

  State(Script script, const ServerOptions& options) : script_(std::move(script)) {
    if (options.certificate.chain.empty()) return;
    tls_.emplace(ssl::context::tls_server);
    if (options.tls_version_max != 0) {
      SSL_CTX_set_security_level(tls_->native_handle(), 0);
      SSL_CTX_set_max_proto_version(tls_->native_handle(), options.tls_version_max);
    }
    tls_->use_certificate_chain(asio::buffer(options.certificate.chain));
    tls_->use_private_key(asio::buffer(options.certificate.key), ssl::context::pem);
  }

  void run() {
    accept();
    thread_ = std::thread([this] { io_.run(); });
  }
  void stop() {
    io_.stop();
    thread_.join();
  }

  void accept();
  std::vector<Step> seen(SeenRequest request) {
    {
      const std::lock_guard lock(mutex_);
      request.number = requests_.size();
      requests_.push_back(request);
    }
    changed_.notify_all();
    return script_(request);
  }
  void ended() {
    {
      const std::lock_guard lock(mutex_);
      ++ended_;
    }
    changed_.notify_all();
  }

  Script script_;
  // Before io_: connections that its destruction ends still report to them.
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<SeenRequest> requests_;
  std::size_t connections_ = 0;
  std::size_t ended_ = 0;
  asio::io_context io_{1};
  std::optional<ssl::context> tls_;
  tcp::acceptor acceptor_{io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  asio::steady_timer gate_{io_, asio::steady_timer::time_point::max()};
  bool open_ = false;
  std::thread thread_;
};

class HttpServer::State::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(State& state, tcp::socket socket, std::size_t number)
      : state_(state), socket_(std::move(socket)), timer_(state.io_), number_(number) {
    if (state_.tls_) tls_.emplace(socket_, *state_.tls_);
  }
  ~Connection() { state_.ended(); }

  void start() {
    if (!tls_) return read();
    tls_->async_handshake(ssl::stream_base::server, [self = shared_from_this()](const error_code& code) {
      if (!code) self->read();
    });
  }

 private:
  template <class Function>
  void with_stream(Function&& function) {
    if (tls_)
      function(*tls_);
    else
      function(socket_);
  }

  void read() {
    with_stream([&](auto& stream) {
      asio::async_read_until(stream, asio::dynamic_buffer(input_, kRequestBytesMax), "\r\n\r\n",
                             [self = shared_from_this()](const error_code& code, std::size_t size) {
                               if (!code) self->read_body(size);
                             });
    });
  }

  void read_body(std::size_t head_size) {
    request_ = {};
    request_.connection = number_;
    request_.head = input_.substr(0, head_size);
    input_.erase(0, head_size);
    const auto length = request_.field("content-length");
    body_size_ = length.empty() ? 0 : std::stoul(length);
    const auto missing = body_size_ - std::min(body_size_, input_.size());
    with_stream([&](auto& stream) {
      asio::async_read(stream, asio::dynamic_buffer(input_, kRequestBytesMax), asio::transfer_exactly(missing),
                       [self = shared_from_this()](const error_code& code, std::size_t) {
                         if (!code) self->act();
                       });
    });
  }

  void act() {
    request_.body = input_.substr(0, body_size_);
    input_.erase(0, body_size_);
    steps_ = state_.seen(request_);
    next_ = 0;
    step();
  }

  void step() {
    if (next_ == steps_.size()) return read();
    const Step& current = steps_[next_];
    const auto go_on = [self = shared_from_this()](const error_code& code, std::size_t = 0) {
      if (code) return;
      if (self->steps_[self->next_].kind != Step::Kind::repeat) ++self->next_;
      self->step();
    };
    switch (current.kind) {
      case Step::Kind::send:
      case Step::Kind::repeat:
        with_stream([&](auto& stream) { asio::async_write(stream, asio::buffer(current.bytes), go_on); });
        return;
      case Step::Kind::pause:
        timer_.expires_after(current.wait);
        timer_.async_wait(go_on);
        return;
      case Step::Kind::hold:
        if (state_.open_) {
          ++next_;
          return step();
        }
        state_.gate_.async_wait([self = shared_from_this()](const error_code&) {
          ++self->next_;
          self->step();
        });
        return;
      case Step::Kind::stall:
        with_stream([&](auto& stream) {
          input_.resize(1);
          stream.async_read_some(asio::buffer(input_), [self = shared_from_this()](const error_code&, std::size_t) {});
        });
        return;
      case Step::Kind::close:
      case Step::Kind::reset: {
        error_code ignored;
        if (current.kind == Step::Kind::reset) socket_.set_option(asio::socket_base::linger(true, 0), ignored);
        socket_.close(ignored);
        return;
      }
    }
  }

  State& state_;
  tcp::socket socket_;
  std::optional<ssl::stream<tcp::socket&>> tls_;
  asio::steady_timer timer_;
  std::size_t number_;
  std::string input_;
  std::size_t body_size_ = 0;
  SeenRequest request_;
  std::vector<Step> steps_;
  std::size_t next_ = 0;
};

void HttpServer::State::accept() {
  acceptor_.async_accept([this](const error_code& code, tcp::socket socket) {
    if (code) return;
    std::size_t number = 0;
    {
      const std::lock_guard lock(mutex_);
      number = connections_++;
    }
    std::make_shared<Connection>(*this, std::move(socket), number)->start();
    accept();
  });
}

HttpServer::HttpServer(Script script, const ServerOptions& options)
    : state_(std::make_shared<State>(std::move(script), options)) {
  state_->run();
}
HttpServer::~HttpServer() { state_->stop(); }

unsigned short HttpServer::port() const { return state_->acceptor_.local_endpoint().port(); }

std::string HttpServer::url(std::string_view host) const {
  return (state_->tls_ ? "https://" : "http://") + std::string(host) + ":" + std::to_string(port());
}

std::vector<SeenRequest> HttpServer::requests() const {
  const std::lock_guard lock(state_->mutex_);
  return state_->requests_;
}

std::size_t HttpServer::connections() const {
  const std::lock_guard lock(state_->mutex_);
  return state_->connections_;
}

void HttpServer::await_requests(std::size_t count) const {
  std::unique_lock lock(state_->mutex_);
  state_->changed_.wait(lock, [&] { return state_->requests_.size() >= count; });
}

void HttpServer::await_ended(std::size_t count) const {
  std::unique_lock lock(state_->mutex_);
  state_->changed_.wait(lock, [&] { return state_->ended_ >= count; });
}

void HttpServer::release() {
  asio::post(state_->io_, [state = state_.get()] {
    state->open_ = true;
    state->gate_.cancel();
  });
}

}  // namespace hillstar::testing
