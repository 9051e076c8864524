// SPDX-License-Identifier: Apache-2.0
// Cron expressions: five fields, or six with seconds in front. Pure.
//
// minute 0-59, hour 0-23, day of the month 1-31 or L for the last one, month 1-12 or JAN-DEC, day of the week 0-7 or
// SUN-SAT, where 0 and 7 are Sunday. `*`, lists `a,b`, ranges `a-b`, steps `*/n`, `a-b/n`, `a/n`; `?` is `*` for days.
// If both days are given, a day that fits either counts; a field that begins with `*` is not given (Vixie cron).
//
// Where clocks are changed: an expression whose hours begin with `*` follows the time that passes, so an hour that
// comes twice has its firings twice, and one that does not come has none. Any other fires once: the first time, or,
// if its time does not come, in the moment after the gap. Source: cron(8) of Debian;
// docs/adr/0025-timers-fire-by-what-is-recorded.md says why.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "messages/error.hpp"
#include "messages/time_zone.hpp"

namespace hillstar::workflow {

struct Cron {
  std::uint64_t seconds = 1;  ///< One bit for each value, as below.
  std::uint64_t minutes = 0;
  std::uint64_t hours = 0;
  std::uint64_t days = 0;
  std::uint64_t months = 0;
  std::uint64_t weekdays = 0;  ///< 0 to 6, Sunday first.
  bool last_day = false;       ///< Of the month, besides `days`.
  bool any_hour = false;       ///< The field begins with `*`, as below.
  bool any_day = false;
  bool any_weekday = false;

  bool operator==(const Cron&) const = default;
};

inline constexpr std::size_t kCronBytesMax = 1024;

/// stream_invalid if the expression is malformed, or if no date ever fits it. `where` is the name of the field.
Result<Cron> parse_cron(std::string_view expression);

/// The first second after `utc` (both in seconds since 1970) at which the expression fires. Nothing beyond the year
/// 9999.
std::optional<std::int64_t> next_firing(const Cron& cron, const TimeZone& zone, std::int64_t utc);

}  // namespace hillstar::workflow
