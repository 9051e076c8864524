// SPDX-License-Identifier: Apache-2.0
// The event triggers of an engine's streams, on one thread: every commit is looked at once, in the order of commits.
//
// A stream's cursor is the time (microseconds since 1970) up to which it has dealt with all events. After a start, and
// after falling behind, histories that changed since then are read again; the keys of runs see to it that no event
// starts two.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/trigger_source.hpp"
#include "runtime/stream/causes.hpp"

namespace hillstar::actors {

/// Events that may wait to be looked at, and triggers of one stream that may wait for their answer. What is beyond is
/// read from the store later.
inline constexpr std::size_t kEventsWaitingMax = 10'000;

class EventSource final : public TriggerSource {
 public:
  using TriggerSource::TriggerSource;
  ~EventSource() override { stop(); }

  /// Events of one commit. On the log's thread: quick.
  void on_commit(const RunId& history, const std::vector<Recorded>& events);

 private:
  struct Line {
    EventTrigger trigger;
    UtcTime declared_at;
    bool has_key = false;
    UtcTime cursor;  ///< Everything up to here was dealt with; recorded from time to time.
    UtcTime recorded;
    UtcTime seen;  ///< Of the newest event that was looked at.
    std::deque<TriggerRun> offers;
    bool busy = false;
    /// There may be events since the cursor that nobody looked at: they are read from the store, live ones among them.
    bool behind = true;
    bool exact =
        false;  ///< The cursor is the last event of a part that was read; else a margin before it is read, too.
    std::optional<std::chrono::steady_clock::time_point> retry_at;
    std::chrono::steady_clock::time_point recorded_at;
  };
  struct Waiting {
    RunId history;
    Recorded recorded;
  };

  void on_streams(const std::vector<StreamStatus>& streams) override;
  Millis step() override;
  void take_waiting();
  void catch_up(const std::string& name, Line& line);
  std::vector<Waiting> changed_since(UtcTime since, const Line& line, bool& more);
  void consider(const std::string& name, Line& line, const RunId& history, const Recorded& recorded);
  std::optional<stream::Source> source_of(const RunId& history);
  Millis advance(const std::string& name, Line& line);
  void on_answer(const std::string& name, const Origin& cause, const Result<Accepted>& answer);
  void record_cursor(const std::string& name, Line& line);

  std::map<std::string, Line> lines_;
  std::unordered_map<RunId, stream::Source> sources_;

  std::mutex mutex_;  ///< Guards what follows, which the log's thread touches.
  std::set<std::string, std::less<>> types_;
  std::deque<Waiting> waiting_;
  bool overrun_ = false;
};

}  // namespace hillstar::actors
