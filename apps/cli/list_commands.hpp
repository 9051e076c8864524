// SPDX-License-Identifier: Apache-2.0
// ls and stats: many runs at once, found by what they are.
#pragma once

#include <string>
#include <vector>

#include "apps/cli/commands.hpp"

namespace hillstar::cli {

class Commands;

struct LsArgs {
  std::vector<std::string> statuses;  ///< Any of them; empty: all.
  std::string workflow;
  std::string stream;
  std::string label;    ///< `name=value`.
  std::string part_of;  ///< A run; empty: any.
  std::string correlation;
  std::string since;  ///< A time, or how long ago.
  std::string until;
  std::string before;  ///< Run id: older ones.
  std::uint32_t limit = 20;
};
struct StatsArgs {
  std::string workflow;
  std::string stream;
  std::string since = "7d";
  std::string until;
};

void add_lists(Commands& commands);
Result<Exit> list_runs(Context& context, const LsArgs& args);
/// Runs of a window of time, added up.
Result<Exit> show_stats(Context& context, const StatsArgs& args);

/// `2026-11-22`, `2026-11-22T03:04:05Z` (a fraction may follow), `today`, or how long before `now`: `90s`, `15m`, `2h`,
/// `7d`, `4w`. Otherwise usage, naming `option`.
Result<UtcTime> time_from_text(const std::string& text, UtcTime now, const std::string& option);
/// Just the length: `90s`, `15m`, `2h`, `7d`, `4w`.
Result<Millis> length_from_text(const std::string& text, const std::string& option);

}  // namespace hillstar::cli
