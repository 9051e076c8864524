// SPDX-License-Identifier: Apache-2.0
// stream: the streams of a store, looked at and steered from any terminal.
#pragma once

#include <string>
#include <vector>

#include "apps/cli/commands.hpp"

namespace hillstar::cli {

class Commands;

struct StreamArgs {
  std::string what = "ls";
  std::string target;               ///< A stream; declare: a workflow file.
  std::string entry;                ///< declare: only this entry point.
  std::vector<std::string> inputs;  ///< trigger: `name=value`.
  std::string event;                ///< trigger: JSON, or - for stdin.
  std::string key;
  std::vector<std::string> labels;
  std::string correlation;
  std::string reason;  ///< hold.
  bool wait = false;   ///< trigger: until the run has ended.
};

Result<Exit> steer_streams(Context& context, const StreamArgs& args);

void add_streams(Commands& commands);

}  // namespace hillstar::cli
