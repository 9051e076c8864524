// SPDX-License-Identifier: Apache-2.0
#include "actors/event_log.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <utility>

#include "actors/services.hpp"

namespace hillstar::actors {

void EventLogState::on_append(AppendEvents& message) {
  if (failed) return;
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

EventLog::behavior_type event_log(EventLog::stateful_pointer<EventLogState> self, EventLogParts parts) {
  die_quietly(self);
  self->state.parts = std::move(parts);
  return {[self](AppendEvents& message) { self->state.on_append(message); },
          [self](FlushBatch) { self->state.on_flush(); },
          [self](WatchRun& message) { self->state.on_watch(message); },
          [self](const UnwatchRun& message) { self->state.on_unwatch(message); },
          [self](WatchLog& message) { self->state.on_watch_log(message); },
          [self](const UnwatchLog& message) { self->state.on_unwatch_log(message); }};
}

}  // namespace hillstar::actors
