// SPDX-License-Identifier: Apache-2.0
// top and watch: what goes on, live.
#pragma once

#include <cstdint>
#include <string>

#include "apps/cli/commands.hpp"

namespace hillstar::cli {

class Commands;

struct TopArgs {
  std::string every = "2s";
  std::uint64_t count = 0;  ///< 0: until it is ended; once where the output is no terminal.
};
struct WatchArgs {
  std::string run = "latest";
};

/// A table of what goes on in the store, again and again on a terminal.
Result<Exit> show_top(Context& context, const TopArgs& args);
/// One run until its end: as `run` shows it, but nothing of it depends on whoever looks.
Result<Exit> watch_run(Context& context, const WatchArgs& args);

void add_watchers(Commands& commands);

}  // namespace hillstar::cli
