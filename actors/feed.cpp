// SPDX-License-Identifier: Apache-2.0
#include "actors/feed.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <utility>

#include "actors/subscriber.hpp"

namespace hillstar::actors {

FeedState::~FeedState() {
  for (const auto& [run, entries] : by_run_)
    for (const auto& entry : entries) caf::anon_send_exit(entry.actor, caf::exit_reason::user_shutdown);
}

void FeedState::hand(const RunId& run, const LiveItem& item, std::size_t weight) {
  const auto entries = by_run_.find(run);
  if (entries == by_run_.end()) return;
  for (auto& entry : entries->second) {
    if (entry.cut) continue;
    if (entry.pending->fetch_add(weight) + weight > parts_.queue_max) {
      entry.cut = true;
      caf::anon_send(entry.actor, CutOff{});
    } else {
      caf::anon_send(entry.actor, item);
    }
  }
}

void FeedState::on_committed(Committed& message) {
  const auto weight = message.events->size();
  hand(message.run, LiveItem{std::move(message.events), nullptr, nullptr}, weight);
}

void FeedState::on_progress(Progress& message) {
  parts_.gate->progress_pending.fetch_sub(1);
  const auto run = message.run;
  hand(run, LiveItem{nullptr, std::make_shared<const Progress>(std::move(message)), nullptr}, 1);
}

void FeedState::on_parked(RunParked& message) {
  const auto run = message.run;
  if (by_run_.find(run) == by_run_.end()) return parts_.log("error " + to_string(message.error));
  hand(run, LiveItem{nullptr, nullptr, std::make_shared<const RunParked>(std::move(message))}, 1);
}

void FeedState::on_follow(Follow& message) {
  if (runs_.size() >= kFollowersMax) {
    return message.reply.answer(Error{Errc::run_state,
                                      "the engine has " + std::to_string(kFollowersMax) + " followers already",
                                      message.run.str(), "Close some of the programs that follow runs."});
  }
  Entry entry;
  entry.ticket = message.ticket;
  entry.pending = std::make_shared<std::atomic<std::size_t>>(0);
  SubscriberParts parts{parts_.store,
                        message.run,
                        std::max<std::uint64_t>(message.from_seq, 1),
                        std::move(message.callback),
                        entry.pending,
                        parts_.alive,
                        parts_.gate->tails};
  parts_.gate->followers.fetch_add(1);  // first: what is said from now on is sent
  entry.actor = spawn_blocking(*self_, parts_.own_threads, subscriber, std::move(parts));
  caf::anon_send(parts_.event_log, WatchRun{message.run, entry.actor, FeedActor(self_)});
  by_run_[message.run].push_back(std::move(entry));
  runs_.emplace(message.ticket, message.run);
  message.reply.answer(message.ticket);
}

void FeedState::on_unfollow(Unfollow& message) {
  const auto run = runs_.find(message.ticket);
  if (run == runs_.end()) return message.reply.answer(false);
  auto& entries = by_run_[run->second];
  const auto entry =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.ticket == message.ticket; });
  caf::anon_send(entry->actor, StopSubscriber{message.reply});
  caf::anon_send(parts_.event_log, UnwatchRun{run->second});
  entries.erase(entry);
  if (entries.empty()) by_run_.erase(run->second);
  runs_.erase(run);
  parts_.gate->followers.fetch_sub(1);
}

FeedActor::behavior_type feed_actor(FeedActor::stateful_pointer<FeedState> self, FeedParts parts) {
  die_quietly(self);
  self->state.open(std::move(parts));
  return {[self](Committed& message) { self->state.on_committed(message); },
          [self](Progress& message) { self->state.on_progress(message); },
          [self](RunParked& message) { self->state.on_parked(message); },
          [self](Follow& message) { self->state.on_follow(message); },
          [self](Unfollow& message) { self->state.on_unfollow(message); }};
}

}  // namespace hillstar::actors
