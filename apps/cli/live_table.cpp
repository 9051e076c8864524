// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/live_table.hpp"

#include "apps/cli/command_table.hpp"
#include "apps/cli/live_commands.hpp"
#include "apps/cli/state_commands.hpp"
#include "apps/cli/talk_commands.hpp"
#include "apps/cli/watch_commands.hpp"

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

  auto [signal, s] = commands.add<SignalArgs>("signal", "Give a run a signal that its nodes wait for", give_signal);
  signal->add_option("RUN", s->run, kRun)->required();
  signal->add_option("NAME", s->name, "the signal's name")->required();
  signal->add_option("JSON", s->payload, "what it carries; - reads it from stdin; without it null");
  signal->add_option("--key", s->key, "a second signal of this name and key changes nothing");

  auto [input, i] = commands.add<InputArgs>("input", "Answer what a run asks for, or list it", give_input);
  input->add_option("RUN", i->run, kRun)->required();
  input->add_option("REQUEST", i->request, "which question; without it they are listed");
  input->add_option("JSON", i->value, "the answer; - reads it from stdin");
  input->add_option("--text", i->text, "the answer as a text, as it stands")->each([i = i](const std::string&) {
    i->has_text = true;
  });

  add_state(commands);
  commands.add<PsArgs>("ps", "List the runs without an end, and who hosts them", list_live_runs);
  add_watchers(commands);
}

}  // namespace hillstar::cli
