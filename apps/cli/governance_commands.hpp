// SPDX-License-Identifier: Apache-2.0
// enforce, mode: commits need runs.
#pragma once

#include <string>

#include "apps/cli/commands.hpp"

namespace hillstar::cli {

struct EnforceArgs {
  std::string action;        ///< check, status, install, uninstall.
  std::string hillstar_dir;  ///< Empty: `.hillstar` in the project.
  std::string project_dir = ".";
  bool force = false;  ///< install: although there is another hook.
  bool dev = false;    ///< check: development mode for this once.
  bool hook = false;   ///< check: the hook asks.
};
/// check ends with 0 if a commit may be made, else with 1, whatever the reason.
Result<Exit> enforce(Context& context, const EnforceArgs& args);

struct ModeArgs {
  std::string mode;  ///< dev, normal.
  std::string hillstar_dir = ".hillstar";
};
Result<Exit> switch_mode(Context& context, const ModeArgs& args);

}  // namespace hillstar::cli
