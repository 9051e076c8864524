// SPDX-License-Identifier: Apache-2.0
// Durable events and live progress to those who follow a run; slow ones are cut off.
//
// No gap and no repetition: the event log first confirms that later commits of the run come to the feed; only then does
// the subscriber read the history; of what came meanwhile it takes what the sequence numbers say is new.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/services.hpp"

namespace hillstar::actors {

/// Followers of one engine; each has a thread.
inline constexpr std::size_t kFollowersMax = 256;
/// Records of one page of history.
inline constexpr std::size_t kHistoryPage = 256;

struct FeedParts {
  const persistence::EventStore* store = nullptr;
  EventLog event_log;
  std::shared_ptr<FeedGate> gate;
  std::size_t queue_max = 10'000;
  std::function<void(const std::string&)> log = [](const std::string&) {};  ///< For what no follower is told.
  bool own_threads = true;
  Lifeline alive;
};

class FeedState {
 public:
  explicit FeedState(FeedActor::pointer actor) : self_(actor) {}
  ~FeedState();

  void open(FeedParts parts) { parts_ = std::move(parts); }
  void on_committed(Committed& message);
  void on_progress(Progress& message);
  void on_parked(RunParked& message);
  void on_follow(Follow& message);
  void on_unfollow(Unfollow& message);

  const char* name = "feed";

 private:
  struct Entry {
    std::uint64_t ticket = 0;
    Subscriber actor;
    std::shared_ptr<std::atomic<std::size_t>> pending;  ///< Items sent and not yet taken.
    bool cut = false;
  };
  void hand(const RunId& run, const LiveItem& item, std::size_t weight);

  FeedActor::pointer self_;
  FeedParts parts_;
  std::unordered_map<RunId, std::vector<Entry>> by_run_;
  std::unordered_map<std::uint64_t, RunId> runs_;  ///< Ticket -> run.
};

FeedActor::behavior_type feed_actor(FeedActor::stateful_pointer<FeedState> self, FeedParts parts);

}  // namespace hillstar::actors
