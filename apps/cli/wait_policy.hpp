// SPDX-License-Identifier: Apache-2.0
// When `wait` has waited long enough. Pure.
#pragma once

#include <vector>

#include "apps/cli/exit_codes.hpp"
#include "messages/error.hpp"
#include "messages/units.hpp"
#include "runtime/run/state.hpp"

namespace hillstar::cli {

/// How a run stands, as one who waits for it sees it.
enum class Standing {
  moves,   ///< Somebody goes on with it, or may be about to.
  stands,  ///< It is paused, or waits for a person.
  alone,   ///< It has no end, and no process goes on with it.
  ended,
};

struct Sight {
  bool in_hand = false;  ///< A process has the run in hand.
  bool quiet = false;    ///< Nothing happened for a moment: the events of one step come one by one.
  bool alone = false;    ///< Nobody has had it in hand for a while, and nobody is about to.
};
Standing standing_of(const run::RunState& state, const Sight& sight);

/// True if nothing is left to wait for; with `any` once one run has stopped.
bool is_enough(const std::vector<Standing>& runs, bool any);

/// Longest `--timeout`: a year.
inline constexpr double kTimeoutMax = 365.0 * 24 * 60 * 60;
/// Errors: usage for anything but 0 to kTimeoutMax.
Result<Millis> timeout_of(double seconds);

}  // namespace hillstar::cli
