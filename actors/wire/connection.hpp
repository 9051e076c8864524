// SPDX-License-Identifier: Apache-2.0
// One connection of the gate: TLS on one side, a socket pair to CAF on the other. Lives on the gate's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/wire/basp.hpp"
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
  enum class State { handshake, joins, open, closing, over };
  /// Who waits for what; one wait for each.
  enum class Wait { tls_read, tls_write, caf_read, caf_write };

  void handshake();
  void secured();
  void become_peer(const x509::Facts& facts);
  void join();
  void write_answer();

  void pump_in();
  bool give_to_caf();
  /// Looks at what has come; false if it must wait for more.
  bool look_at_incoming();
  bool make_room();
  bool read_tls();
  bool replace_handshake(const std::string& instead);

  void pump_out();
  bool write_tls();
  void look_at_outgoing();
  bool read_caf();
  void close_after_flush();
  void linger();

  void wait(Wait what);
  /// Waits as OpenSSL wants after `result`; false if the connection is over, which `end` then was told.
  bool tls_again(int result, bool writes);
  void set_deadline(Millis time, const char* what);

  Keeper& keeper_;
  Side side_;
  State state_ = State::handshake;
  tcp::socket socket_;
  asio::posix::stream_descriptor caf_;
  asio::steady_timer deadline_;
  Tls tls_;
  Peer peer_;
  caf::actor link_;
  std::shared_ptr<Room> room_ = std::make_shared<Room>();
  std::shared_ptr<Backlog> backlog_ = std::make_shared<Backlog>();
  std::unique_ptr<Inbound> inbound_;
  bool waiting_[4] = {};

  // From the peer: [in_begin_, in_good_) was looked at and goes to CAF, [in_good_, in_end_) not yet.
  std::vector<char> in_;
  std::size_t in_begin_ = 0;
  std::size_t in_good_ = 0;
  std::size_t in_end_ = 0;
  // From CAF, the same way.
  std::vector<char> out_;
  std::size_t out_begin_ = 0;
  std::size_t out_good_ = 0;
  std::size_t out_end_ = 0;
  std::size_t out_rest_ = 0;  ///< Of the frame that is under way: bytes that are still to come.
  bool out_drops_ = false;    ///< They are dropped.
  bool out_closing_ = false;  ///< The connection ends once all is sent.
  std::string text_;          ///< Of a machine that joins: what it asks, then the answer.
};

}  // namespace hillstar::actors::wire
