// SPDX-License-Identifier: Apache-2.0
// The actor of one connection: the only one that its peer reaches. Tells the owner.
#pragma once

#include <atomic>
#include <caf/actor.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/io/scribe.hpp>
#include <caf/stateful_actor.hpp>
#include <cstdint>
#include <functional>
#include <memory>

#include "actors/wire/basp.hpp"
#include "actors/wire/wire.hpp"

namespace hillstar::actors::wire {

/// What a peer may have under way between the gate and the owner's last look at it.
inline constexpr std::size_t kRoomBytes = 8U << 20U;
inline constexpr std::size_t kRoomFrames = 4'096;

/// The owner gets what a frame's JSON holds, too, if that is no longer. A tree takes up no more than so many times its
/// text.
inline constexpr std::size_t kTreeJsonMax = 16U << 10U;
inline constexpr std::size_t kTreePerByte = 24;
/// What a frame takes of the room.
inline std::size_t weight_of(const Frame& frame) {
  const auto json = frame.json.size();
  return json * (json <= kTreeJsonMax ? 1 + kTreePerByte : 1) + frame.bytes.size() + kOverheadMax;
}

/// Counts it. Thread-safe.
struct Room {
  std::atomic<std::size_t> bytes{0};
  std::atomic<std::size_t> frames{0};
  std::atomic<bool> waits{false};       ///< The gate reads no more until there is room.
  std::function<void()> there_is_room;  ///< Set before the first frame; called by any thread.

  [[nodiscard]] bool is_full() const { return bytes.load() > kRoomBytes || frames.load() > kRoomFrames; }
  [[nodiscard]] bool is_half_empty() const {
    return bytes.load() <= kRoomBytes / 2 && frames.load() <= kRoomFrames / 2;
  }
  void give_back(std::size_t size);
};

/// What may wait for a peer that does not read.
inline constexpr std::size_t kBacklogFrames = 65'536;
inline constexpr std::size_t kBacklogBytes = 512U << 20U;

/// Counts it: from whoever sends until the gate has it. Thread-safe.
struct Backlog {
  std::atomic<std::size_t> bytes{0};
  std::atomic<std::size_t> frames{0};
};

/// What the link says to the gate; thread-safe, and harmless once the gate is gone.
struct GateHooks {
  std::function<void(Error)> end;  ///< End the connection at once, for this reason.
  std::function<void()> is_up;     ///< The peer's actor is known.
};

struct LinkParts {
  Side side = Side::listener;
  Owner owner;
  Peer peer;
  std::shared_ptr<FrameSink::Way> way;
  std::shared_ptr<Room> room;
  GateHooks gate;
  std::shared_ptr<const void> node;  ///< Kept as long as CAF knows the peer by its node id.
};

/// From the gate: the connection is over. Once, and the last.
struct LinkGone {
  Error reason;
};
/// From the gate of the dialer: CAF's end of the connection.
struct LinkStart {
  caf::io::scribe_ptr end;
};

caf::actor spawn_link(caf::actor_system& system, LinkParts parts);
/// CAF's broker of BASP.
caf::actor basp_of(caf::actor_system& system);

/// To the peer's actor, over its channel.
class FrameSink::Way {
 public:
  /// @param end  ends the connection at once
  Way(std::shared_ptr<Backlog> backlog, std::function<void(Error)> end)
      : backlog_(std::move(backlog)), end_(std::move(end)) {}
  void send(Frame frame) const;
  [[nodiscard]] std::size_t backlog() const { return backlog_->bytes.load(); }
  /// A frame is on its way; false: there is too much of them.
  bool count(const Frame& frame) const;
  void close() const;
  // Before anybody has a sink.
  void set_peer(std::uint64_t actor) { peer_ = actor; }
  using Send = std::function<void(std::uint64_t actor, Frame frame)>;
  void set_channel(Send channel) { channel_ = std::move(channel); }

 private:
  std::uint64_t peer_ = 0;
  Send channel_;
  std::shared_ptr<Backlog> backlog_;
  std::function<void(Error)> end_;
};

}  // namespace hillstar::actors::wire

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::wire::LinkGone)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::wire::LinkStart)
