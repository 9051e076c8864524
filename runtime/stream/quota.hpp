// SPDX-License-Identifier: Apache-2.0
// What a stream has used up of its quota. Pure: whoever holds it says what happened, and what the store says after a
// restart; the same facts give the same answers.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

#include "messages/entry_point.hpp"
#include "messages/error.hpp"
#include "messages/ids.hpp"
#include "messages/units.hpp"

namespace hillstar::stream {

/// Most runs that a quota may allow in a day; so many times are remembered at most.
inline constexpr std::uint32_t kQuotaRunsMax = 1'000'000;
inline constexpr Millis kQuotaHour{3'600'000};
inline constexpr Millis kQuotaDay{86'400'000};

/// The day (UTC) that a time is in began at:
UtcTime day_of(UtcTime time);

class Usage {
 public:
  /// A run was accepted. Times that lie more than a day ahead are of a clock that was wrong, and count for nothing.
  void accept(UtcTime at);
  /// The run that was accepted then did not begin.
  void withdraw(UtcTime at);

  /// A run without an end has cost `all`, of it `before` on earlier days; its records have so many bytes. Says it anew
  /// as it goes on; `before` counts when the run is first named.
  void meter(const RunId& run, MicroUsd all, MicroUsd before, std::uint64_t bytes, UtcTime now);
  /// It has ended: what was metered last stays.
  void end(const RunId& run, UtcTime now);
  [[nodiscard]] bool is_metered(const RunId& run) const { return open_.contains(run); }

  [[nodiscard]] std::uint32_t runs_since(UtcTime now, Millis window) const;
  [[nodiscard]] MicroUsd cost_today(UtcTime now);
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  struct Open {
    MicroUsd all;
    MicroUsd before;
    std::uint64_t bytes = 0;
  };
  /// On another day nothing is spent yet, and what runs have cost was before it.
  void turn(UtcTime now);
  [[nodiscard]] std::deque<UtcTime>::const_iterator first_after(UtcTime time) const;
  friend std::optional<UtcTime> room_at(const Usage& usage, const Quota& quota, UtcTime now);

  std::deque<UtcTime> accepted_;  ///< In order; of the last day.
  std::unordered_map<RunId, Open> open_;
  std::int64_t day_ = 0;  ///< Micros of its begin; of what follows.
  MicroUsd ended_today_;
  MicroUsd open_today_;
  std::uint64_t bytes_ = 0;
};

/// Why the quota takes no further run now.
struct Excess {
  Error error;                     ///< rate_limited.
  std::optional<UtcTime> room_at;  ///< When it takes one again by itself; absent: nobody knows.
};
std::optional<Excess> excess(Usage& usage, const Quota& quota, const std::string& stream, UtcTime now);

}  // namespace hillstar::stream
