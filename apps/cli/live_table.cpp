// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/live_table.hpp"

#include "apps/cli/command_table.hpp"
#include "apps/cli/live_commands.hpp"

namespace hillstar::cli {

void add_live(Commands& commands) {
  constexpr const char* kRun = "a unique start of a run id, a workflow id (its latest run), or 'latest'";
  auto [pause, p] = commands.add<PauseArgs>("pause", "Pause a run, also one of another terminal", pause_run);
  pause->add_option("RUN", p->run, kRun)->required();
  pause->add_flag("--now", p->now, "stop what is in flight, too; it runs again after resume");
  pause->add_option("--reason", p->reason, "why; recorded");

  auto [wait, w] = commands.add<WaitArgs>("wait", "Wait until runs have ended, or stand still", wait_for_runs);
  wait->add_option("RUN", w->runs, "runs, named as elsewhere; without one the latest");
  wait->add_option("--timeout", w->timeout, "give up after so long, with 124; the runs go on")
      ->check([](const std::string& text) { return text.empty() ? std::string("a number is missing") : std::string(); })
      ->type_name("SECONDS");
  wait->add_flag("--any", w->any, "until the first of them has");

  commands.add<PsArgs>("ps", "List the runs without an end, and who hosts them", list_live_runs);
}

}  // namespace hillstar::cli
