// SPDX-License-Identifier: Apache-2.0
// From commits to spans: remembers the runs that are under way, and asks the store for what it did not see.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "messages/error.hpp"
#include "messages/events.hpp"
#include "messages/ids.hpp"
#include "persistence/event_store.hpp"
#include "runtime/telemetry/run_spans.hpp"

namespace hillstar::telemetry {

/// Runs that are remembered between their commits; those beyond are read again when they go on.
inline constexpr std::size_t kRunsKnownMax = 20'000;
inline constexpr std::size_t kPlansKnownMax = 64;

/// Not thread-safe.
class SpanSource {
 public:
  /// The store must outlive it. `options`: read_blob and trace_of are filled in if they are empty.
  SpanSource(const persistence::EventStore& store, SpanOptions options, std::size_t runs_max = kRunsKnownMax);

  /// Air-gapped runs are asked about; false: nothing of the run is told. Empty: all are told of.
  std::function<bool(const RunStarted&)> may_tell;

  /// What was recorded from then on is told of runs that were not seen before; absent: only what is committed from now
  /// on. When the engine was started, for it goes on with runs before anybody can watch.
  std::optional<UtcTime> since;

  /// Appends the spans that ended with this commit. A commit that does not follow on what was seen is made up for from
  /// the store, spans included.
  Result<void> take(const RunId& run, const std::vector<Recorded>& events, std::vector<Span>& ended);

  /// All spans of a run that ended, and those of one under way that have.
  Result<std::vector<Span>> all_of(const RunId& run);
  /// Where a run stands in its trace; as if nobody had asked for it, if it cannot be read.
  [[nodiscard]] RunTrace trace_of(const RunId& run) const;

 private:
  struct Known {
    std::unique_ptr<RunSpans> spans;  ///< Null: nothing is told of it.
    std::uint64_t seq = 0;
    std::list<RunId>::iterator place;
  };
  Result<Known*> know(const RunId& run, const std::vector<Recorded>& events, std::vector<Span>& ended);
  Result<void> catch_up(const RunId& run, Known& known, std::uint64_t before, std::vector<Span>& ended);
  Result<std::unique_ptr<RunSpans>> begin(const RunId& run, const RunStarted& started);
  Result<SpanPlan> plan_of(const std::string& sha256);
  void forget(const RunId& run);

  const persistence::EventStore& store_;
  std::shared_ptr<const SpanOptions> options_;
  std::size_t runs_max_;
  bool forgot_ = false;  ///< A run under way: what was told of it is not known any more.
  std::unordered_map<RunId, Known> known_;
  std::list<RunId> order_;  ///< The one that was touched last is in front.
  std::list<std::pair<std::string, SpanPlan>> plans_;
};

}  // namespace hillstar::telemetry
