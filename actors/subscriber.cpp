// SPDX-License-Identifier: Apache-2.0
#include "actors/subscriber.hpp"

#include <caf/stateful_actor.hpp>

#include "actors/feed.hpp"
#include "actors/live_output.hpp"
#include "persistence/event_codec.hpp"

namespace hillstar::actors {

void SubscriberState::on_watch_stands() {
  if (phase_ != Phase::waiting) return;
  phase_ = Phase::reading;
  self_->send(Subscriber(self_), ReadHistory{});
}

void SubscriberState::on_read_history() {
  if (phase_ != Phase::reading) return;
  // First: what the history says then begins all attempts that have said something by now.
  const auto tails = parts_.tails ? parts_.tails->of(parts_.run) : std::vector<Progress>();
  const auto page = parts_.store->read_records(parts_.run, parts_.next_seq, kHistoryPage);
  if (!page) return end_with_cut();
  for (const auto& record : *page) {
    auto recorded = persistence::decode(record.line, parts_.run);
    if (!recorded) return end_with_cut();
    parts_.next_seq = record.seq + 1;
    parts_.callback(FeedEvent{parts_.run, std::move(*recorded)});
  }
  // Behind live items, which are read from the store instead.
  if (page->size() == kHistoryPage) return self_->send(Subscriber(self_), ReadHistory{});
  phase_ = Phase::live;  // what is committed after this read is in the mailbox, or on its way to it
  for (const auto& piece : tails) give(piece);
}

void SubscriberState::on_live(const LiveItem& message) {
  parts_.pending->fetch_sub(message.events ? message.events->size() : 1);
  if (phase_ == Phase::over) return;
  // Said even while history is read: the follower is not to wait for what will not come.
  if (message.parked) return parts_.callback(*message.parked);
  if (message.progress) {
    if (phase_ == Phase::live) give(*message.progress);
    return;
  }
  if (phase_ != Phase::live) return;
  for (const auto& recorded : *message.events) {
    if (recorded.seq < parts_.next_seq) continue;
    if (recorded.seq > parts_.next_seq) {
      // Cannot happen while the watch stands; the store has what is missing.
      phase_ = Phase::reading;
      self_->send(Subscriber(self_), ReadHistory{});
      return;
    }
    ++parts_.next_seq;
    parts_.callback(FeedEvent{parts_.run, recorded});
  }
}

void SubscriberState::give(const Progress& piece) {
  // Pieces come whole: what was kept ends where one of them does.
  if (!pieces_.take(piece.node, piece.item, {piece.attempt, piece.offset, piece.end, piece.text}).empty())
    parts_.callback(piece);
}

void SubscriberState::on_cut_off() {
  if (phase_ != Phase::over) end_with_cut();
}

void SubscriberState::end_with_cut() {
  phase_ = Phase::over;
  parts_.callback(FeedCut{parts_.run});
}

void SubscriberState::on_stop(const StopSubscriber& message) {
  phase_ = Phase::over;
  parts_.callback = nullptr;  // what it holds belongs to the follower, who goes on after the answer
  message.reply.answer(true);
  self_->quit();
}

Subscriber::behavior_type subscriber(Subscriber::stateful_pointer<SubscriberState> self, SubscriberParts parts) {
  die_quietly(self);
  self->state.open(std::move(parts));
  return {
      [self](WatchStands) { self->state.on_watch_stands(); }, [self](ReadHistory) { self->state.on_read_history(); },
      [self](const LiveItem& message) { self->state.on_live(message); }, [self](CutOff) { self->state.on_cut_off(); },
      [self](const StopSubscriber& message) { self->state.on_stop(message); }};
}

}  // namespace hillstar::actors
