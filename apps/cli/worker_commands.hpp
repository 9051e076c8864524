// SPDX-License-Identifier: Apache-2.0
// worker: this machine makes attempts for a host. workers: those that a host has.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/cli/commands.hpp"

namespace CLI {
class App;
}

namespace hillstar::cli {

class Commands;

struct WorkerArgs {
  std::string join;
  std::string token;  ///< A token, or where it is: a file, or - for stdin; empty: HILLSTAR_JOIN_TOKEN.
  std::string identity;
  std::string workspace = ".hillstar-worker";
  std::vector<std::string> labels;  ///< `name` or `name=value`.
  std::uint32_t slots = 0;          ///< 0: one per core.
  std::string env_file;
  std::string cache = "8G";  ///< Bytes of what crossed.
};
struct WorkersArgs {
  std::string what = "ls";
  std::string name;
};

/// Joins and works until it is drained or a signal ends it.
Result<Exit> work(Context& context, const WorkerArgs& args);
Result<Exit> manage_workers(Context& context, const WorkersArgs& args);
void add_workers(Commands& commands);
/// Of `run`: where workers join it.
void add_places(CLI::App& run, RunArgs& args);

}  // namespace hillstar::cli
