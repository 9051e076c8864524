// SPDX-License-Identifier: Apache-2.0
// The store's single writer: takes what its mailbox holds, commits it with one sync, answers all.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "actors/handles.hpp"

namespace hillstar::actors {

/// Bounds of one commit.
inline constexpr std::size_t kBatchAppendsMax = 4'096;
inline constexpr std::size_t kBatchBytesMax = 16U << 20U;

/// Where there is something to commit, the thread is free for that after each bit of other work, for so many times as
/// long as the bit took, within bounds.
inline constexpr int kHouseworkRest = 3;
inline constexpr Millis kHouseworkRestMin{1};
inline constexpr Millis kHouseworkRestMax{100};

struct EventLogParts {
  persistence::EventStore* store = nullptr;
  /// Called after a failed commit, which means "unknown": the process must end. If it returns, as in tests, the log
  /// neither writes nor answers any more.
  std::function<void(const Error&)> on_fatal;
  Reply<bool> alive;
};

struct EventLogState {
  explicit EventLogState(EventLog::pointer actor) : self(actor) {}

  void on_append(AppendEvents& message);
  void on_flush();
  void on_watch(WatchRun& message);
  void on_unwatch(const UnwatchRun& message);
  void on_watch_log(WatchLog& message);
  void on_unwatch_log(const UnwatchLog& message);
  void on_housework(Housework& message);
  void on_do_housework();

  const char* name = "event_log";
  EventLog::pointer self;
  EventLogParts parts;
  FeedActor feed;  ///< Known once something is watched.
  std::vector<persistence::Append> appends;
  std::vector<EventBatch> events;
  std::vector<LogWriter> writers;
  std::size_t bytes = 0;
  bool flush_sent = false;
  bool failed = false;
  std::optional<Housework> work;
  bool wanted = false;                             ///< Something came to be committed since the last bit of it.
  std::unordered_map<RunId, std::size_t> watched;  ///< Run -> how many follow it.
  std::vector<std::pair<std::uint64_t, CommitCallback>> watchers;  ///< Of the whole log, by ticket.
};

EventLog::behavior_type event_log(EventLog::stateful_pointer<EventLogState> self, EventLogParts parts);

}  // namespace hillstar::actors
