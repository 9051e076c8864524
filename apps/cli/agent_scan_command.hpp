// SPDX-License-Identifier: Apache-2.0
// agent-scan: what is dangerous in MCP configurations and skills.
#pragma once

#include <string>

#include "apps/cli/commands.hpp"
#include "runtime/policy/agent_scan.hpp"

namespace hillstar::cli {

struct AgentScanArgs {
  std::string target;
  std::string severity = "low";
  bool json = false;
  bool sarif = false;
};
/// Ends with 1 if a finding that is shown is high or critical, or if there is no such target.
Result<Exit> agent_scan(Context& context, const AgentScanArgs& args);

/// As one SARIF 2.1.0 log; addresses of files are relative to `root`, an absolute folder.
Json sarif_of(const policy::ScanReport& report, const std::string& root);

}  // namespace hillstar::cli
