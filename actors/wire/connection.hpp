// SPDX-License-Identifier: Apache-2.0
// One connection at the gate: its handshake, whom it lets in, and what the gate still has to say of it once it is open.
// Lives on the gate's thread; what an open connection moves is its channel's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "actors/wire/basp.hpp"
#include "actors/wire/channel.hpp"
#include "actors/wire/credentials.hpp"
#include "actors/wire/link.hpp"
#include "actors/wire/wire.hpp"

namespace hillstar::actors::wire {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

class Connection;

/// What a connection needs of the one who keeps it; all on the gate's thread.
struct Keeper {
  caf::actor_system& system;
  Owner owner;
  std::shared_ptr<asio::io_context> loop;
  std::unique_ptr<Trust> trust;
  Millis handshake_max{5'000};
  std::string host;  ///< The name that was dialled; empty for a listener.
  /// May it become a peer? Then it counts as one.
  std::function<std::optional<Error>(Connection&)> admit;
  /// It is over and wants to be forgotten.
  std::function<void(Connection&, const Error&)> gone;
  /// A machine asks for a certificate; `answer` is called once, on the gate's thread.
  std::function<void(std::string request, std::function<void(std::string)> answer)> enroll;
  /// A node id that no living connection has.
  std::function<std::shared_ptr<const caf::node_id>(std::uint64_t id)> node;
};

/// Numbers of connections, never reused.
std::uint64_t next_connection_id();

class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Keeper& keeper, Side side, tcp::socket socket, std::string address);

  void start();
  /// Ends it at once. Later reasons count for nothing.
  void end(const Error& reason);
  /// Ends it if its certificate holds no more.
  void check_again(UtcTime now, bool lists_changed);

  [[nodiscard]] std::uint64_t id() const { return peer_.id; }
  [[nodiscard]] bool is_peer() const { return link_ != nullptr; }
  [[nodiscard]] const std::string& address() const { return peer_.address; }

 private:
  enum class State { handshake, joins, open, over };

  void handshake();
  void secured();
  void become_peer(const x509::Facts& facts);
  void join();
  void write_answer();
  void linger();

  /// Runs `then` on the gate's thread, if the connection is still there; any thread.
  template <class Then>
  auto at_the_gate(Then then);
  void wait(tcp::socket::wait_type what);
  /// Waits as OpenSSL wants after `result`, or ends the connection.
  void tls_again(int result, bool writes);
  void set_deadline(Millis time, const char* what);

  Keeper& keeper_;
  Side side_;
  State state_ = State::handshake;
  tcp::socket socket_;  ///< Until there is a channel.
  asio::steady_timer deadline_;
  Tls tls_;  ///< The same.
  Shown shown_;
  Peer peer_;
  caf::actor link_;
  std::shared_ptr<Channel> channel_;
  bool lingers_ = false;
  std::string text_;  ///< Of a machine that joins: what it asks, then the answer.
};

}  // namespace hillstar::actors::wire
