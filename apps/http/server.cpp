// SPDX-License-Identifier: Apache-2.0
#include "apps/http/server.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <cmath>
#include <future>
#include <mutex>
#include <thread>

#include "apps/http/connection.hpp"
#include "apps/http/server_core.hpp"
#include "apps/http/tls_server.hpp"

namespace hillstar::http {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using error_code = boost::system::error_code;

/// Without descriptors or memory for a connection: until others have gone.
constexpr std::chrono::milliseconds kBreath{100};

std::size_t share_of(const ServerOptions& options) {
  const auto share = std::floor(static_cast<double>(options.connections_max) * options.peer_share);
  return std::max<std::size_t>(1, static_cast<std::size_t>(share));
}

std::string url_of(const ServerOptions& options, const tcp::endpoint& endpoint) {
  const auto address = endpoint.address().to_string();
  return (options.certificate.empty() ? "http://" : "https://") +
         (endpoint.address().is_v6() ? "[" + address + "]" : address) + ":" + std::to_string(endpoint.port());
}

class Listener final : public Server {
 public:
  Listener(std::shared_ptr<ServerCore> core, std::shared_ptr<asio::ssl::context> certificate)
      : core_(std::move(core)),
        strand_(asio::make_strand(core_->io)),
        acceptor_(strand_),
        breath_(strand_),
        certificate_(std::move(certificate)) {}

  Result<void> open() {
    const auto& options = core_->options;
    error_code failed;
    const auto address = asio::ip::make_address(options.address, failed);
    if (failed)
      return Error{Errc::usage, "This is no address to listen on.", options.address,
                   "Give an IPv4 or IPv6 address and a port, such as 127.0.0.1:8080 or [::1]:8080."};
    const tcp::endpoint endpoint(address, options.port);
    acceptor_.open(endpoint.protocol(), failed);
    if (!failed) acceptor_.set_option(tcp::acceptor::reuse_address(true), failed);
    if (!failed) acceptor_.bind(endpoint, failed);
    if (!failed) acceptor_.listen(asio::socket_base::max_listen_connections, failed);
    if (failed)
      return Error{Errc::host_unreachable, "Cannot listen: " + failed.message() + ".",
                   options.address + ":" + std::to_string(options.port),
                   "Name another address with --listen; port 0 takes a free one."};
    url_ = url_of(options, acceptor_.local_endpoint(failed));
    return {};
  }

  Result<void> start(std::vector<Route> routes) override {
    HILLSTAR_TRY(auto router, Router::of(std::move(routes)));
    core_->gate.emplace(std::move(router), core_->options.gate, core_->options.tokens, core_->options.clock);
    asio::post(strand_, [this] { accept(); });
    for (unsigned i = 0; i < std::max(1U, core_->options.io_threads); ++i)
      threads_.emplace_back([this] {
        const auto work = asio::make_work_guard(core_->io);
        core_->io.run();
      });
    return {};
  }

  ~Listener() override {
    if (!drained_) drain(Millis(0));
    // Handlers may still wait for the engine, which answers all of them.
    core_->handlers.join();
    core_->io.stop();
    for (auto& thread : threads_) thread.join();
    // What is still queued holds connections, which hold the core: let it run out.
    core_->io.restart();
    core_->io.poll();
  }

  [[nodiscard]] std::string url() const override { return url_; }

  Result<void> reload_certificate() override {
    const auto& options = core_->options;
    if (options.certificate.empty()) return {};
    HILLSTAR_TRY(auto context, tls_of(options.certificate, options.key));
    const std::lock_guard lock(mutex_);
    certificate_ = std::move(context);
    return {};
  }

  void drain(Millis patience) override {
    drained_ = true;
    core_->traffic->draining = true;
    if (threads_.empty()) return;
    std::promise<void> closed;
    asio::post(strand_, [this, &closed] {
      error_code ignored;
      acceptor_.close(ignored);
      breath_.cancel();
      closed.set_value();
    });
    closed.get_future().wait();
    core_->guests->leave_all();
    if (core_->guests->wait_until_gone(patience)) return;
    core_->guests->cut_all();
    (void)core_->guests->wait_until_gone(kCutTime);
  }

 private:
  static constexpr std::chrono::seconds kCutTime{2};

  void accept() {
    acceptor_.async_accept(asio::make_strand(core_->io), [this](error_code failed, tcp::socket socket) {
      if (!acceptor_.is_open()) return;
      if (!failed) {
        admit(std::move(socket));
        return accept();
      }
      if (failed == asio::error::connection_aborted) return accept();
      breath_.expires_after(kBreath);
      breath_.async_wait([this](error_code stopped) {
        if (!stopped && acceptor_.is_open()) accept();
      });
    });
  }

  void admit(tcp::socket socket) {
    error_code failed;
    const auto peer = socket.remote_endpoint(failed).address().to_string();
    if (failed) return;
    auto place = core_->guests->come(peer);
    if (!place) {
      ++core_->traffic->connections_refused;
      return refuse(socket);
    }
    std::shared_ptr<asio::ssl::context> context;
    {
      const std::lock_guard lock(mutex_);
      context = certificate_;
    }
    const auto strand = socket.get_executor();
    asio::post(strand, [core = core_, socket = std::move(socket), place = std::move(place),
                        context = std::move(context)]() mutable {
      serve_connection(std::move(core), std::move(socket), std::move(place), std::move(context));
    });
  }

  void refuse(tcp::socket& socket) const {
    if (!core_->options.certificate.empty()) return;
    static constexpr std::string_view kFull =
        "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(kFull), ignored);
    socket.shutdown(tcp::socket::shutdown_send, ignored);
  }

  std::shared_ptr<ServerCore> core_;
  asio::strand<asio::io_context::executor_type> strand_;
  tcp::acceptor acceptor_;
  asio::steady_timer breath_;
  std::mutex mutex_;
  std::shared_ptr<asio::ssl::context> certificate_;
  std::string url_;
  std::vector<std::thread> threads_;
  std::atomic<bool> drained_{false};
};

}  // namespace

ServerCore::ServerCore(ServerOptions given)
    : options(std::move(given)),
      traffic(options.traffic),
      guests(std::make_shared<Guests>(options.connections_max, share_of(options), traffic)),
      handlers(std::max(1U, options.handler_threads)) {}

bool ServerCore::handle(std::function<void()> work) {
  if (++traffic->waiting > options.waiting_max) {
    --traffic->waiting;
    traffic->queue_full = true;
    return false;
  }
  traffic->queue_full = false;
  asio::post(handlers, [this, work = std::move(work)]() mutable {
    work();
    work = nullptr;
    --traffic->waiting;
  });
  return true;
}

Result<std::unique_ptr<Server>> Server::bind(ServerOptions options) {
  std::shared_ptr<asio::ssl::context> certificate;
  if (!options.certificate.empty()) {
    HILLSTAR_TRY(certificate, tls_of(options.certificate, options.key));
  }
  auto listener = std::make_unique<Listener>(std::make_shared<ServerCore>(std::move(options)), std::move(certificate));
  HILLSTAR_CHECK(listener->open());
  return std::unique_ptr<Server>(std::move(listener));
}

std::size_t raise_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const auto before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return static_cast<std::size_t>(::setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : before);
}

}  // namespace hillstar::http
