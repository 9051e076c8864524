// SPDX-License-Identifier: Apache-2.0
// report: a run as a document.
#pragma once

#include <string>

#include "apps/cli/commands.hpp"

namespace hillstar::cli {

struct ReportArgs {
  std::string run = "latest";
  std::string format;  ///< markdown, html; empty: as the name of the file ends, else markdown.
  std::string file;    ///< Empty: stdout.
};
Result<Exit> report_run(Context& context, const ReportArgs& args);

}  // namespace hillstar::cli
