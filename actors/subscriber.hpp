// SPDX-License-Identifier: Apache-2.0
// One follower of one run: history in pages, then what the feed brings, in order of sequence numbers.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "actors/handles.hpp"
#include "runtime/run/live_pieces.hpp"

namespace hillstar::actors {

class LiveTails;

struct SubscriberParts {
  const persistence::EventStore* store = nullptr;
  RunId run;
  std::uint64_t next_seq = 1;
  FeedCallback callback;
  std::shared_ptr<std::atomic<std::size_t>> pending;
  Reply<bool> alive;
  std::shared_ptr<const LiveTails> tails = {};  ///< What attempts in flight have said; null: nothing.
};

class SubscriberState {
 public:
  explicit SubscriberState(Subscriber::pointer actor) : self_(actor) {}

  void open(SubscriberParts parts) { parts_ = std::move(parts); }
  void on_watch_stands();
  void on_read_history();
  void on_live(const LiveItem& message);
  void on_cut_off();
  void on_stop(const StopSubscriber& message);

  const char* name = "subscriber";

 private:
  enum class Phase { waiting, reading, live, over };
  void end_with_cut();
  void give(const Progress& piece);

  Subscriber::pointer self_;
  SubscriberParts parts_;
  Phase phase_ = Phase::waiting;
  run::LivePieces pieces_;
};

Subscriber::behavior_type subscriber(Subscriber::stateful_pointer<SubscriberState> self, SubscriberParts parts);

}  // namespace hillstar::actors
