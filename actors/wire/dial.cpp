// SPDX-License-Identifier: Apache-2.0
// The gate of a worker: one connection, on a thread of its own for as long as it lives.
#include <boost/asio/connect.hpp>
#include <boost/asio/post.hpp>
#include <caf/blocking_actor.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <csignal>
#include <cstring>

#include "actors/wire/connection.hpp"
#include "runtime/platform/clock.hpp"
#include "runtime/platform/hash.hpp"
#include "runtime/platform/signal_block.hpp"

namespace hillstar::actors::wire {
namespace {

using boost::system::error_code;

constexpr Millis kLookEvery{2'000};

class Dial {
 public:
  Dial(caf::actor_system& system, DialOptions options, Owner owner, std::unique_ptr<Trust> trust)
      : options_(std::move(options)),
        loop_(std::make_shared<asio::io_context>(1)),
        resolver_(*loop_),
        socket_(*loop_),
        deadline_(*loop_),
        look_(*loop_),
        keeper_{system, std::move(owner), loop_, std::move(trust), options_.handshake_max, options_.host, {}, {}, {},
                {}} {
    keeper_.admit = [](Connection&) { return std::nullopt; };
    keeper_.gone = [this](Connection& connection, const Error& reason) { gone(connection, reason); };
    keeper_.node = [this](std::uint64_t) { return node(); };
  }

  /// Until the connection is over.
  void run() {
    deadline_.expires_after(options_.handshake_max);
    deadline_.async_wait([this](error_code stopped) {
      if (!stopped) fail("nobody answers");
    });
    resolver_.async_resolve(options_.host, std::to_string(options_.port),
                            [this](error_code failed, const tcp::resolver::results_type& places) {
                              if (failed) return fail(failed.message());
                              connect(places);
                            });
    // Nobody waits for a connection whose owner has ended.
    const auto watch = keeper_.system.spawn(watch_owner, keeper_.owner, loop_, [this] { owner_gone(); });
    const SignalBlock no_sigpipe(SIGPIPE);  // OpenSSL writes to sockets whose other end may be gone
    loop_->run();
    caf::anon_send_exit(watch, caf::exit_reason::user_shutdown);
  }

 private:
  static caf::behavior watch_owner(caf::event_based_actor* self, const Owner& owner,
                                   const std::shared_ptr<asio::io_context>& loop, const std::function<void()>& gone) {
    self->monitor(owner);
    self->set_down_handler([self, loop, gone](const caf::down_msg& /*message*/) {
      asio::post(*loop, gone);  // not run any more once the connection is over
      self->quit();
    });
    return {[](caf::unit_t) {}};
  }
  void owner_gone() {
    if (connection_) return connection_->end(Error{Errc::host_closed, "The owner of the connection ended."});
    fail("nobody wants to know any more");
  }

  void connect(const tcp::resolver::results_type& places) {
    asio::async_connect(socket_, places, [this](error_code failed, const tcp::endpoint& place) {
      if (failed) return fail(failed.message());
      deadline_.cancel();
      connection_ = std::make_shared<Connection>(keeper_, Side::dialer, std::move(socket_),
                                                 place.address().to_string() + ":" + std::to_string(place.port()));
      connection_->start();
      if (connection_) look();
    });
  }
  void fail(const std::string& why) {
    if (failed_) return;
    failed_ = true;
    tell(Error{Errc::host_unreachable, "The host cannot be reached: " + why + ".",
               options_.host + ":" + std::to_string(options_.port), "Is it there, and does it listen for workers?"});
    loop_->stop();
  }
  void gone(Connection& connection, const Error& reason) {
    // Its link tells the owner, once there is one.
    if (!connection.is_peer()) tell(reason);
    connection_.reset();
    look_.cancel();
  }
  void tell(const Error& why) { caf::anon_send(keeper_.owner, PeerDown{0, why}); }

  void look() {
    look_.expires_after(kLookEvery);
    look_.async_wait([this](error_code stopped) {
      if (stopped || !connection_) return;
      const auto fresh = keeper_.trust->refresh();
      const auto connection = connection_;
      connection->check_again(SystemClock().utc_now(), fresh && *fresh);
      if (connection_) look();
    });
  }

  /// The same for each connection of an owner to a host, of which there is one at a time: CAF keeps a little of each
  /// node that it has ever seen.
  std::shared_ptr<const caf::node_id> node() const {
    const auto hash =
        sha256(options_.host + "\n" + std::to_string(options_.port) + "\n" + std::to_string(keeper_.owner->id()));
    caf::node_id::default_data::host_id_type host{};
    std::memcpy(host.data(), hash.data(), host.size());
    return std::make_shared<const caf::node_id>(caf::make_node_id(1, host));
  }

  DialOptions options_;
  std::shared_ptr<asio::io_context> loop_;
  tcp::resolver resolver_;
  tcp::socket socket_;
  asio::steady_timer deadline_;
  asio::steady_timer look_;
  Keeper keeper_;
  std::shared_ptr<Connection> connection_;
  bool failed_ = false;
};

}  // namespace

void dial(caf::actor_system& system, DialOptions options, Owner owner) {
  // An actor with a thread of its own: the system waits for it when it ends.
  system.spawn<caf::detached>(
      [](caf::blocking_actor* self, const DialOptions& given, const Owner& told) {
        auto trust = Trust::load(given.credentials, x509::Role::worker, false);
        if (!trust) {
          caf::anon_send(told, PeerDown{0, trust.error()});
          return;
        }
        Dial(self->system(), given, told, std::move(*trust)).run();
      },
      std::move(options), std::move(owner));
}

}  // namespace hillstar::actors::wire
