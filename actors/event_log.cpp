// SPDX-License-Identifier: Apache-2.0
#include "actors/event_log.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <chrono>
#include <utility>

#include "actors/services.hpp"

namespace hillstar::actors {

void EventLogState::on_append(AppendEvents& message) {
  if (failed) return;
  wanted = true;
  for (const auto& record : message.append.records) bytes += record.line.size();
  appends.push_back(std::move(message.append));
  events.push_back(std::move(message.events));
  writers.push_back(std::move(message.writer));
  if (appends.size() >= kBatchAppendsMax || bytes >= kBatchBytesMax) {
    on_flush();
  } else if (!flush_sent) {
    // Everything that is already queued behind this append arrives before the flush: it shares the sync.
    flush_sent = true;
    self->send(self, FlushBatch{});
  }
}

void EventLogState::on_flush() {
  flush_sent = false;
  if (failed || appends.empty()) return;
  const auto refused = parts.store->commit(appends);
  if (!refused) {
    failed = true;
    parts.on_fatal(refused.error());
    return;
  }
  // What this thread would do next must not wait for another commit on it.
  const bool idle = self->mailbox().empty();
  for (std::size_t i = 0; i < appends.size(); ++i) {
    const auto conflict = std::find(refused->begin(), refused->end(), i) != refused->end();
    const auto version = appends[i].expected_version + appends[i].records.size();
    const Appended answer{version, conflict};
    if (idle)
      self->anon_send(writers[i], answer);
    else
      caf::anon_send(writers[i], answer);
    if (conflict) continue;
    for (const auto& [ticket, tell] : watchers) tell(appends[i].run, events[i]);
    if (!watched.empty() && watched.count(appends[i].run) != 0)
      caf::anon_send(feed, Committed{std::move(appends[i].run), std::move(events[i])});
  }
  appends.clear();
  events.clear();
  writers.clear();
  bytes = 0;
}

void EventLogState::on_watch(WatchRun& message) {
  // What was committed before this moment can be read; what comes later goes to the feed: no gap.
  on_flush();
  feed = std::move(message.feed);
  ++watched[message.run];
  caf::anon_send(message.subscriber, WatchStands{});
}

void EventLogState::on_unwatch(const UnwatchRun& message) {
  const auto entry = watched.find(message.run);
  if (entry != watched.end() && --entry->second == 0) watched.erase(entry);
}

void EventLogState::on_watch_log(WatchLog& message) {
  on_flush();
  watchers.emplace_back(message.ticket, std::move(message.callback));
  message.reply.answer(message.ticket);
}

void EventLogState::on_unwatch_log(const UnwatchLog& message) {
  std::erase_if(watchers, [&](const auto& watcher) { return watcher.first == message.ticket; });
  message.reply.answer(true);
}

void EventLogState::on_housework(Housework& message) {
  if (work || failed)
    return message.reply.answer(Error{Errc::run_state, "such work is under way in this store already", {}, {}});
  work = std::move(message);
  self->send(self, DoHousework{});
}

void EventLogState::on_do_housework() {
  if (!work || failed) return;
  // Those who wait already go first.
  on_flush();
  const auto began = std::chrono::steady_clock::now();
  const auto more = work->step();
  if (more && *more) {
    const auto took = std::chrono::ceil<Millis>(std::chrono::steady_clock::now() - began);
    // Behind what is in the mailbox; with nobody else about, there is nothing to rest for.
    if (!std::exchange(wanted, false)) return self->send(self, DoHousework{});
    const auto rest = std::clamp(kHouseworkRest * took, kHouseworkRestMin, kHouseworkRestMax);
    return caf::delayed_anon_send(EventLog(self), rest, DoHousework{});
  }
  const auto done = std::exchange(work, std::nullopt);
  if (!more && more.error().code == Errc::store_write) {
    failed = true;
    parts.on_fatal(more.error());
  }
  done->reply.answer(more);
}

EventLog::behavior_type event_log(EventLog::stateful_pointer<EventLogState> self, EventLogParts parts) {
  die_quietly(self);
  self->state.parts = std::move(parts);
  return {[self](AppendEvents& message) { self->state.on_append(message); },
          [self](FlushBatch) { self->state.on_flush(); },
          [self](WatchRun& message) { self->state.on_watch(message); },
          [self](const UnwatchRun& message) { self->state.on_unwatch(message); },
          [self](WatchLog& message) { self->state.on_watch_log(message); },
          [self](const UnwatchLog& message) { self->state.on_unwatch_log(message); },
          [self](Housework& message) { self->state.on_housework(message); },
          [self](DoHousework) { self->state.on_do_housework(); }};
}

}  // namespace hillstar::actors
