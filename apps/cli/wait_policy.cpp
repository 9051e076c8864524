// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/wait_policy.hpp"

#include <algorithm>
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

}  // namespace hillstar::cli
