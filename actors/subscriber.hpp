// SPDX-License-Identifier: Apache-2.0
// One follower of one run: history in pages, then what the feed brings, in order of sequence numbers.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "actors/handles.hpp"

namespace hillstar::actors {

struct SubscriberParts {
  const persistence::EventStore* store = nullptr;
  RunId run;
  std::uint64_t next_seq = 1;
  FeedCallback callback;
  std::shared_ptr<std::atomic<std::size_t>> pending;
  Reply<bool> alive;
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

  Subscriber::pointer self_;
  SubscriberParts parts_;
  Phase phase_ = Phase::waiting;
};

Subscriber::behavior_type subscriber(Subscriber::stateful_pointer<SubscriberState> self, SubscriberParts parts);

}  // namespace hillstar::actors
