// SPDX-License-Identifier: Apache-2.0
// why: the reasons of a run or a node on one screen.
#pragma once

#include <string>

#include "apps/cli/commands.hpp"

namespace hillstar::cli {

struct WhyArgs {
  std::string run = "latest";
  std::string node;  ///< Empty: the run; `node[3]`: an item of a map.
};
Result<Exit> explain_why(Context& context, const WhyArgs& args);

}  // namespace hillstar::cli
