// SPDX-License-Identifier: Apache-2.0
// When a timer fires, and what becomes of firings that nobody was there for. Pure: the same history and the same time
// give the same firings (docs/adr/0025-timers-fire-by-what-is-recorded.md).
//
// Whether a firing waits for a run that is under way, or is left out because of it, admission decides.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "messages/entry_point.hpp"
#include "messages/error.hpp"
#include "messages/time_zone.hpp"
#include "messages/units.hpp"
#include "runtime/workflow/cron.hpp"

namespace hillstar::stream {

/// Runs that `catch_up: all` makes up for at once; older firings are left out.
inline constexpr std::size_t kCatchUpMax = 1'000;
/// A firing that is later than this, or than an interval that is shorter, was missed.
inline constexpr Millis kPunctual{60'000};
/// A clock that is set back by more was wrong before.
inline constexpr Millis kClockBackMax{86'400'000};

struct Timer {
  std::string stream;
  TimerTrigger trigger;
  std::optional<workflow::Cron> cron;  ///< Absent: TimerTrigger::every is set.
  TimeZone zone;
};

/// stream_invalid if the trigger has not exactly one of `cron` and `every`, or one that is malformed.
Result<Timer> make_timer(std::string stream, const TimerTrigger& trigger, TimeZone zone);

/// What the stream's history says.
struct TimerState {
  UtcTime declared;                 ///< When the entry point became as it is; intervals are counted from here.
  std::optional<UtcTime> last_due;  ///< The last firing that was dealt with.
};

/// `skipped`: starts no run because of this; stands for all firings after the one before it.
struct Firing {
  UtcTime due;
  std::optional<std::string> skipped;

  bool operator==(const Firing&) const = default;
};

struct Firings {
  std::vector<Firing> now;          ///< In order; each is to be dealt with before what follows is asked for.
  std::optional<UtcTime> next_due;  ///< The one after these; nothing if there is none.
  std::optional<UtcTime> wake_at;   ///< When it is to be made: `next_due` and its jitter.
};

Firings firings_at(const Timer& timer, const TimerState& state, UtcTime now);

/// The first firing after `time`, jitter aside.
std::optional<UtcTime> due_after(const Timer& timer, UtcTime declared, UtcTime time);
/// How late the firing is made: from 0 to the trigger's jitter, the same each time it is asked.
Millis jitter_of(const Timer& timer, UtcTime due);
/// The key of the firing's run.
std::string timer_key(UtcTime due);

}  // namespace hillstar::stream
