// SPDX-License-Identifier: Apache-2.0
// What a stream uses of its quota, as the store says it: counted once when the quota is known, and then as runs go on.
// What it means is runtime/stream/quota's.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "actors/engine.hpp"
#include "persistence/event_store.hpp"
#include "runtime/stream/quota.hpp"

namespace hillstar::actors {

/// Used by one actor. Blocks while it reads the store.
class StreamMeter {
 public:
  /// `opened`: when this process began to use the store. The store must outlive the meter.
  StreamMeter(const persistence::EventStore& store, std::string stream, Quota quota, UtcTime opened);

  /// Everything from the store: of a quota of runs the last day; of one of money or bytes every run of the stream.
  Result<void> count(UtcTime now);
  void accepted(const RunId& run, UtcTime at, bool queued);
  void admitted(const RunId& run);
  /// It did not begin.
  void withdrawn(const RunId& run);
  void ended(const RunId& run, UtcTime now);
  /// Why no further run is taken now. Runs under way are looked at again, at most once a second.
  [[nodiscard]] std::optional<stream::Excess> excess(UtcTime now, std::chrono::steady_clock::time_point steady);
  [[nodiscard]] QuotaUse use(UtcTime now);
  [[nodiscard]] const Quota& quota() const { return quota_; }

 private:
  /// Of a run whose records may become more.
  struct Open {
    std::optional<UtcTime> accepted_at;  ///< By this process.
    bool queued = false;                 ///< It changes nothing yet.
    std::uint64_t records = 0;           ///< So many are in `bytes`.
    std::uint64_t bytes = 0;
  };
  [[nodiscard]] bool looks_at_runs() const { return quota_.cost_per_day || quota_.stored_bytes; }
  Result<void> look(const run::Summary& row, Open& open, UtcTime now);

  const persistence::EventStore& store_;
  std::string stream_;
  Quota quota_;
  UtcTime opened_;
  stream::Usage usage_;
  std::unordered_map<RunId, Open> open_;
  std::optional<std::chrono::steady_clock::time_point> looked_at_;
};

}  // namespace hillstar::actors
