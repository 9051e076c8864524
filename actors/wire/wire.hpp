// SPDX-License-Identifier: Apache-2.0
// Frames between machines: CAF's middleman behind a gate that does mutual TLS.
//
// BASP, CAF's protocol, trusts its peers: whoever may speak it can make the other side allocate gigabytes, and address
// any actor. So no socket of this program speaks it openly. The gate takes the connection, does the TLS handshake
// within its deadline, checks certificate, name and revocation, and then passes on only what it has looked at: BASP of
// bounded length, that carries Frames to the one actor of this connection.
#pragma once

#include <boost/json/fwd.hpp>
#include <caf/actor_system.hpp>
#include <caf/typed_actor.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "messages/error.hpp"
#include "messages/frame.hpp"
#include "messages/secret.hpp"
#include "messages/units.hpp"

namespace hillstar::actors::wire {

/// Who is at the other end, as its certificate says.
struct Peer {
  std::uint64_t id = 0;     ///< Of this connection; never reused within a process.
  std::string name;         ///< A worker's or a host's.
  std::string fingerprint;  ///< SHA-256 of the certificate, hex.
  std::string address;      ///< `address:port`.
  UtcTime not_after{};      ///< Of the certificate.
};

/// The way to one peer. Copies go to the same. Thread-safe.
class FrameSink {
 public:
  class Way;
  FrameSink() = default;
  explicit FrameSink(std::shared_ptr<Way> way) : way_(std::move(way)) {}
  /// In order; dropped once the connection is over. A peer that does not read while it goes on asking loses its
  /// connection, at kBacklogFrames or kBacklogBytes.
  void send(Frame frame) const;
  /// Bytes that were sent and have not left for the peer: who has much to send waits until they are few.
  [[nodiscard]] std::size_t backlog() const;
  /// Ends the connection; its owner gets PeerDown.
  void close() const;

 private:
  std::shared_ptr<Way> way_;
};

// What the owner of a listener, or of a connection, is told. For each peer: up, frames, down; nothing after down.
struct PeerUp {
  Peer peer;
  FrameSink sink;
};
struct PeerFrame {
  std::uint64_t peer = 0;
  Frame frame;
  std::shared_ptr<const boost::json::value> said;  ///< What `frame.json` holds: an object. Null if that is long.
  /// The room that the frame takes up of what the peer may have under way; free again with the last copy of this.
  std::shared_ptr<const void> room{};
};
struct PeerDown {
  std::uint64_t peer = 0;  ///< 0: of a connection that never came to be.
  Error reason;
};
using Owner = caf::typed_actor<caf::reacts_to<PeerUp>, caf::reacts_to<PeerFrame>, caf::reacts_to<PeerDown>>;

/// Paths of PEM files. Keys must not be readable by others.
struct Credentials {
  std::string certificate;  ///< Leaf first.
  std::string key;
  std::string authority;   ///< Of both sides.
  std::string revocation;  ///< CRL of that authority; empty: none. Looked at again when the file changes.
};

/// What a machine that has a join token, and no certificate yet, asks for; answered with its certificate. See
/// runtime/platform/authority.hpp.
using Enroll = std::function<Result<std::string>(const std::string& request_json)>;

struct ListenOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: the kernel's choice.
  Credentials credentials;
  Millis handshake_max{5'000};
  unsigned connections_max = 1'000;  ///< Of peers.
  unsigned handshakes_max = 64;      ///< Connections that are not yet peers; more are closed at once.
  Enroll enroll;                     ///< Empty: nobody joins by a token.
  /// Told a key that follows from the certificate's, and is of no use for anything else: before the first peer, and
  /// again when the files were replaced. Empty: nobody wants it. Thread-safe.
  std::function<void(Secret)> claim_key;
  std::function<void(const std::string&)> log;  ///< A line for the operator: who was turned away, and why. Thread-safe.
};

/// Takes connections until it is destroyed; ends those that are open then.
class Listener {
 public:
  /// Errors: storage for files that cannot be read, usage for what is in them, host_unreachable for the address.
  static Result<std::unique_ptr<Listener>> open(caf::actor_system& system, ListenOptions options, Owner owner);
  virtual ~Listener() = default;
  [[nodiscard]] virtual std::uint16_t port() const = 0;
};

struct DialOptions {
  std::string host;
  std::uint16_t port = 0;
  Credentials credentials;
  Millis handshake_max{5'000};
};

/// One attempt to connect, in the background: the owner gets PeerUp, or PeerDown{0}. Backoff is the owner's.
void dial(caf::actor_system& system, DialOptions options, Owner owner);

/// To be given to the configuration of every system that listens or dials: the middleman, and the type Frame.
void load(caf::actor_system_config& config);

}  // namespace hillstar::actors::wire

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::wire::PeerUp)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::wire::PeerFrame)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::wire::PeerDown)
