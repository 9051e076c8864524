// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/governance_table.hpp"

#include "apps/cli/agent_scan_command.hpp"
#include "apps/cli/governance_commands.hpp"

namespace hillstar::cli {

void add_governance(Commands& commands) {
  auto [enforcer, e] =
      commands.add<EnforceArgs>("enforce", "May this be committed? Checks, and installs the hook", enforce);
  enforcer->add_option("ACTION", e->action, "check, status, install or uninstall")
      ->required()
      ->check(CLI::IsMember({"check", "status", "install", "uninstall"}));
  enforcer->add_option("--hillstar-dir", e->hillstar_dir, "folder of marker and policy; else .hillstar in the project")
      ->type_name("DIR");
  enforcer->add_option("--project-dir", e->project_dir, "the project")->type_name("DIR")->capture_default_str();
  enforcer->add_flag("--force", e->force, "install: although there is another hook, which is kept and called first");
  enforcer->add_flag("--dev", e->dev, "check: development mode for this once; recorded");
  enforcer->add_flag("--hook", e->hook, "check: the hook asks; a commit without changes needs no run");

  auto [mode, m] =
      commands.add<ModeArgs>("mode", "Switch development mode: commits pass without a run, recorded", switch_mode);
  mode->add_option("MODE", m->mode, "dev or normal")->required()->check(CLI::IsMember({"dev", "normal"}));
  mode->add_option("--hillstar-dir", m->hillstar_dir, "folder of the switch")->type_name("DIR")->capture_default_str();

  auto [scan, s] = commands.add<AgentScanArgs>("agent-scan",
                                               "Look for dangers in MCP configurations and agents' skills", agent_scan);
  scan->add_option("TARGET", s->target, "a .json or .md file, or a folder")->required();
  scan->add_option("--severity", s->severity, "findings from here on")
      ->check(CLI::IsMember({"info", "low", "medium", "high", "critical"}))
      ->type_name("SEVERITY")
      ->capture_default_str();
  auto* as_json = scan->add_flag("--json", s->json, "findings as JSON, and nothing else");
  scan->add_flag("--sarif", s->sarif, "findings as SARIF 2.1.0, and nothing else")->excludes(as_json);
}

}  // namespace hillstar::cli
