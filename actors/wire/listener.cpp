// SPDX-License-Identifier: Apache-2.0
// The gate of a host: one thread that accepts, and moves what all connections have to say.
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/json.hpp>
#include <csignal>
#include <map>
#include <mutex>
#include <thread>

#include "actors/wire/connection.hpp"
#include "messages/json.hpp"
#include "runtime/platform/clock.hpp"
#include "runtime/platform/random.hpp"
#include "runtime/platform/signal_block.hpp"

namespace hillstar::actors::wire {
namespace {

using boost::system::error_code;

constexpr Millis kLookEvery{2'000};
constexpr Millis kAcceptPause{100};
/// Lines about those who were turned away; the rest is counted.
constexpr unsigned kLinesMax = 20;

/// Node ids that CAF knows peers by. They are used again: CAF keeps a little of each it has ever seen.
class Nodes : public std::enable_shared_from_this<Nodes> {
 public:
  Nodes() {
    const auto chance = random_bytes(host_.size());
    std::copy(chance.begin(), chance.end(), host_.begin());
  }
  /// Free again with the last copy.
  std::shared_ptr<const caf::node_id> take() {
    const std::lock_guard guard(lock_);
    std::uint32_t slot = 0;
    if (free_.empty()) {
      slot = ++last_;
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    return {new caf::node_id(caf::make_node_id(slot, host_)), [self = shared_from_this(), slot](const auto* node) {
              delete node;
              const std::lock_guard inner(self->lock_);
              self->free_.push_back(slot);
            }};
  }

 private:
  std::mutex lock_;
  caf::node_id::default_data::host_id_type host_{};
  std::vector<std::uint32_t> free_;
  std::uint32_t last_ = 0;
};

class Gate final : public Listener {
 public:
  Gate(caf::actor_system& system, ListenOptions options, Owner owner, std::unique_ptr<Trust> trust)
      : options_(std::move(options)),
        loop_(std::make_shared<asio::io_context>(1)),
        acceptor_(*loop_),
        look_(*loop_),
        pause_(*loop_),
        keeper_{system, std::move(owner), loop_, std::move(trust), options_.handshake_max, {}, {}, {}, {}, {}} {}
  ~Gate() override;

  Result<void> open();
  [[nodiscard]] std::uint16_t port() const override { return port_; }

 private:
  void accept();
  void take(tcp::socket socket, const tcp::endpoint& from);
  void look();
  void refresh();
  Result<void> tell_claim_key();
  void stop();
  void say(const std::string& line);
  std::optional<Error> admit();
  void forget(Connection& connection, const Error& reason);
  void enroll(std::string request, std::function<void(std::string)> answer);

  ListenOptions options_;
  std::shared_ptr<asio::io_context> loop_;
  tcp::acceptor acceptor_;
  asio::steady_timer look_;
  asio::steady_timer pause_;
  Keeper keeper_;
  std::shared_ptr<Nodes> nodes_ = std::make_shared<Nodes>();
  std::map<std::uint64_t, std::shared_ptr<Connection>> connections_;
  unsigned peers_ = 0;
  unsigned lines_ = 0;  ///< Since the last look.
  unsigned unsaid_ = 0;
  bool lists_changed_ = false;  ///< Since the open connections were looked at.
  bool stopping_ = false;
  std::uint16_t port_ = 0;
  std::unique_ptr<asio::thread_pool> clerk_;  ///< Waits for the disk, in place of the gate.
  std::thread thread_;
};

Result<void> Gate::open() {
  const auto where = options_.address + ":" + std::to_string(options_.port);
  error_code failed;
  const auto address = asio::ip::make_address(options_.address, failed);
  const tcp::endpoint endpoint(address, options_.port);
  if (!failed) acceptor_.open(endpoint.protocol(), failed);
  if (!failed) acceptor_.set_option(tcp::acceptor::reuse_address(true), failed);
  if (!failed) acceptor_.bind(endpoint, failed);
  if (!failed) acceptor_.listen(asio::socket_base::max_listen_connections, failed);
  if (!failed) port_ = acceptor_.local_endpoint(failed).port();
  if (failed)
    return Error{Errc::host_unreachable, "Workers cannot be listened for: " + failed.message() + ".", where,
                 "Give an address of this machine and a free port."};
  keeper_.admit = [this](Connection&) { return admit(); };
  keeper_.gone = [this](Connection& connection, const Error& reason) { forget(connection, reason); };
  keeper_.node = [this](std::uint64_t) { return nodes_->take(); };
  if (options_.enroll) {
    clerk_ = std::make_unique<asio::thread_pool>(1);
    keeper_.enroll = [this](std::string request, auto answer) { enroll(std::move(request), std::move(answer)); };
  }
  HILLSTAR_CHECK(tell_claim_key());
  accept();
  look();
  thread_ = std::thread([loop = loop_] {
    const SignalBlock no_sigpipe(SIGPIPE);  // OpenSSL writes to sockets whose other end may be gone
    loop->run();
  });
  return {};
}

Gate::~Gate() {
  if (!thread_.joinable()) return;
  asio::post(*loop_, [this] { stop(); });
  thread_.join();
  if (clerk_) {
    clerk_->stop();
    clerk_->join();
  }
}

void Gate::stop() {
  stopping_ = true;
  error_code ignored;
  acceptor_.close(ignored);
  look_.cancel();
  pause_.cancel();
  const auto all = std::exchange(connections_, {});
  for (const auto& [id, connection] : all) connection->end(Error{Errc::host_closed, "The listener was closed."});
  // The loop ends by itself: what waited in it holds connections, and lets go of them.
}

void Gate::accept() {
  acceptor_.async_accept([this](error_code failed, tcp::socket socket) {
    if (stopping_) return;
    if (failed) {
      // No descriptors are left, most often: they come back.
      pause_.expires_after(kAcceptPause);
      pause_.async_wait([this](error_code stopped) {
        if (!stopped) accept();
      });
      return;
    }
    error_code ignored;
    const auto from = socket.remote_endpoint(ignored);
    if (!ignored) take(std::move(socket), from);
    accept();
  });
}

void Gate::take(tcp::socket socket, const tcp::endpoint& from) {
  const auto address = from.address().to_string() + ":" + std::to_string(from.port());
  if (connections_.size() - peers_ >= options_.handshakes_max) {
    say("Workers: " + address + " was turned away: too many are at the door.");
    return;
  }
  refresh();  // whoever was revoked a moment ago does not come in
  const auto connection = std::make_shared<Connection>(keeper_, Side::listener, std::move(socket), address);
  connections_.emplace(connection->id(), connection);
  connection->start();
}

std::optional<Error> Gate::admit() {
  if (peers_ >= options_.connections_max) return Error{Errc::rate_limited, "There are as many connections as may be."};
  ++peers_;
  return std::nullopt;
}

void Gate::forget(Connection& connection, const Error& reason) {
  if (connection.is_peer() && peers_ > 0) --peers_;
  if (!stopping_ && reason.code != Errc::host_closed)
    say("Workers: " + connection.address() + (connection.is_peer() ? " was sent away: " : " was turned away: ") +
        reason.message);
  connections_.erase(connection.id());
}

void Gate::look() {
  look_.expires_after(kLookEvery);
  look_.async_wait([this](error_code stopped) {
    if (stopped || stopping_) return;
    refresh();
    const auto now = SystemClock().utc_now();
    const auto all = connections_;
    for (const auto& [id, connection] : all) connection->check_again(now, lists_changed_);
    lists_changed_ = false;
    if (const auto count = std::exchange(unsaid_, 0U); count > 0 && options_.log)
      options_.log("Workers: and " + std::to_string(count) + " more.");
    lines_ = 0;
    look();
  });
}

void Gate::refresh() {
  const auto fresh = keeper_.trust->refresh();
  if (!fresh) say("Workers: changed certificates are not used: " + to_string(fresh.error()));
  if (!fresh || !*fresh) return;
  lists_changed_ = true;
  if (const auto told = tell_claim_key(); !told) say("Workers: " + to_string(told.error()));
}

Result<void> Gate::tell_claim_key() {
  if (!options_.claim_key) return {};
  HILLSTAR_TRY(auto key, keeper_.trust->claim_key());
  options_.claim_key(std::move(key));
  return {};
}

void Gate::say(const std::string& line) {
  if (++lines_ > kLinesMax)
    ++unsaid_;
  else if (options_.log)
    options_.log(line);
}

void Gate::enroll(std::string request, std::function<void(std::string)> answer) {
  asio::post(*clerk_, [this, request = std::move(request), answer = std::move(answer)]() mutable {
    auto result = options_.enroll(request);
    std::string text;
    std::optional<Error> why;
    if (result) {
      text = std::move(*result);
    } else {
      why = result.error();
      const bool is_refusal = why->code == Errc::join_refused;
      text = json::canonical(boost::json::object{
          {"version", 1}, {"error", is_refusal ? why->message : "No certificate can be made at the moment."}});
    }
    asio::post(*loop_, [this, text = std::move(text), why = std::move(why), answer = std::move(answer)] {
      if (why) say("Workers: a machine could not join: " + why->message);
      answer(text);
    });
  });
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::open(caf::actor_system& system, ListenOptions options, Owner owner) {
  HILLSTAR_TRY(auto trust, Trust::load(options.credentials, x509::Role::host, static_cast<bool>(options.enroll)));
  auto gate = std::make_unique<Gate>(system, std::move(options), std::move(owner), std::move(trust));
  HILLSTAR_CHECK(gate->open());
  return std::unique_ptr<Listener>(std::move(gate));
}

}  // namespace hillstar::actors::wire
