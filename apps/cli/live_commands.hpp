// SPDX-License-Identifier: Apache-2.0
// pause, wait, ps: runs that have no end yet, seen and steered from any terminal.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/cli/commands.hpp"

namespace hillstar::cli {

struct PauseArgs {
  std::string run;
  std::string reason;
  bool now = false;  ///< Stop the attempts in flight, too.
};
struct WaitArgs {
  std::vector<std::string> runs;  ///< Empty: the latest.
  std::optional<double> timeout;  ///< Seconds; absent: as long as it takes.
  bool any = false;               ///< Until the first of them stops.
  bool quiet = false;             ///< Say nothing of what has ended.
};
struct PsArgs {};

/// Returns once the pause is durable; with `now` once nothing of the run is in flight.
Result<Exit> pause_run(Context& context, const PauseArgs& args);
/// Waits until the runs have ended or stand still; starts nothing, stops nothing.
Result<Exit> wait_for_runs(Context& context, const WaitArgs& args);
/// Lists the runs without an end, and who has them in hand.
Result<Exit> list_live_runs(Context& context, const PsArgs& args);

}  // namespace hillstar::cli
