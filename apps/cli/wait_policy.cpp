// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/wait_policy.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "runtime/run/run.hpp"

namespace hillstar::cli {

Standing standing_of(const run::RunState& state, const Sight& sight) {
  if (run::is_terminal(state)) return Standing::ended;
  if (run::waits_for_person(state) && sight.quiet) return Standing::stands;
  return !sight.in_hand && sight.alone ? Standing::alone : Standing::moves;
}

bool is_enough(const std::vector<Standing>& runs, bool any) {
  const auto stopped = [](Standing standing) { return standing != Standing::moves; };
  return any ? std::any_of(runs.begin(), runs.end(), stopped) : std::all_of(runs.begin(), runs.end(), stopped);
}

Result<Millis> timeout_of(double seconds) {
  // Written so that what is no number is refused, too.
  if (!(seconds >= 0 && seconds <= kTimeoutMax))
    return Error{Errc::usage, "A timeout is a number of seconds, 0 to a year.", "--timeout",
                 "Write it like 30 or 0.5."};
  return Millis{static_cast<std::int64_t>(std::ceil(seconds * 1000))};
}

Result<Millis> span_of(const std::string& text, const std::string& where) {
  double number = 0;
  const auto* const end = text.data() + text.size();
  const auto [rest, failed] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  const std::string_view unit(rest, static_cast<std::size_t>(end - rest));
  const double seconds = unit.empty() || unit == "s" ? 1
                         : unit == "m"               ? 60
                         : unit == "h"               ? 3600
                         : unit == "d"               ? 86'400
                                                     : 0;
  const double span = number * seconds;
  if (failed != std::errc() || !(span > 0 && span <= kTimeoutMax))
    return Error{Errc::usage, "'" + text + "' is no time, from above 0 to a year.", where,
                 "Write it like 90 (seconds), 30s, 5m, 2h or 1d."};
  return Millis{static_cast<std::int64_t>(std::ceil(span * 1000))};
}

}  // namespace hillstar::cli
