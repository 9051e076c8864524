// SPDX-License-Identifier: Apache-2.0
// why: the reasons of a run or a node on one screen.
#pragma once

#include <sys/types.h>

#include <string>

#include "apps/cli/commands.hpp"
#include "apps/cli/report.hpp"

namespace hillstar::cli {

struct WhyArgs {
  std::string run = "latest";
  std::string node;  ///< Empty: the run; `node[3]`: an item of a map.
};
Result<Exit> explain_why(Context& context, const WhyArgs& args);

struct Asker {
  pid_t host = 0;  ///< The process that has the store open; 0: none.
  std::string who;
};
/// The same as one document.
Result<Json> why_document(const persistence::EventStore& store, const StoredRun& stored, const std::string& unit,
                          const Asker& asker);

}  // namespace hillstar::cli
