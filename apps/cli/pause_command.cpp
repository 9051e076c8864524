// SPDX-License-Identifier: Apache-2.0
// pause: a person stops a run for now, whoever hosts it.
#include <fmt/format.h>

#include <algorithm>

#include "apps/cli/carry.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/hosting.hpp"
#include "apps/cli/live_commands.hpp"
#include "apps/cli/selector.hpp"
#include "apps/cli/text.hpp"
#include "runtime/run/run.hpp"

namespace hillstar::cli {
namespace {

Error cannot_pause(const run::Summary& row) {
  const auto& run = row.run.str();
  if (row.status == "paused")
    return {Errc::run_state,
            "The run is paused already" + (row.reason.empty() ? "." : " (" + one_line(row.reason, 200) + ")."), run,
            "`hillstar-actors resume " + run + "` goes on with it" +
                (row.nodes_running > 0 ? "; `pause --now` stops what is still in flight." : ".")};
  if (run::is_terminal(row))
    return {Errc::run_state, "The run is " + row.status + ": there is nothing to pause.", run, {}};
  return {Errc::run_state, "The run is " + row.status + ": nothing new starts, it is about to end.", run,
          "`pause --now` stops what is still in flight; `wait` waits for the end."};
}

bool can_pause(const run::Summary& row, bool now) {
  if (run::is_terminal(row)) return false;
  return row.status != "paused" || (now && row.nodes_running > 0);
}

/// Asking twice pauses once: a host that died with the word in its hands is asked again by way of the next.
Result<std::vector<Event>> tell_twice(Link& link, const RunId& run, const Word& word, bool& twice) {
  auto told = link.tell(run, word);
  twice = !told && told.error().code == Errc::host_unreachable;
  if (!twice) return told;
  HILLSTAR_CHECK(link.open());
  return link.tell(run, word);
}

Result<run::Summary> row_now(const Link& link, const RunId& run) {
  HILLSTAR_TRY(const auto store, link.reading());
  return store->summary(run);
}

/// Whether somebody has the run in hand already; else telling it something takes it up, and what it starts is stopped.
bool is_in_hand(Link& link, const RunId& run) {
  if (link.is_host()) return false;
  const auto live = link.client().live_runs();
  return live && std::find(live->begin(), live->end(), run) != live->end();
}

/// Until nothing is in flight. 128 + signal if this terminal is interrupted before; the pause holds all the same.
Result<Exit> await_quiet(Context& context, Link& link, const RunId& run,
                         const std::shared_ptr<const workflow::Plan>& plan) {
  FollowOptions options{.run = run, .plan = plan, .owns = false, .ask = false};
  options.display = silent_display(context.output);
  HILLSTAR_TRY(const auto followed, follow(link, context.output, context.clock, options));
  if (followed.stop == Stop::interrupted) return static_cast<Exit>(128 + followed.signal);
  if (run::is_terminal(followed.live.state))
    return Error{Errc::run_state,
                 fmt::format("The run {} while its last attempts were stopped.", run::status_name(followed.live.state)),
                 run.str(),
                 {}};
  return Exit::done;
}

}  // namespace

Result<Exit> pause_run(Context& context, const PauseArgs& args) {
  HILLSTAR_TRY(auto store, read_store(context));
  HILLSTAR_TRY(const auto before, select_run(*store, args.run));
  if (!can_pause(before, args.now)) return cannot_pause(before);
  const auto& run = before.run;
  HILLSTAR_TRY(const auto stored, load_run(*store, run));
  store.reset();

  Link link({.folder = context.store, .environment = context.environment, .ephemeral = false});
  HILLSTAR_CHECK(link.open());
  const bool stops = args.now || !is_in_hand(link, run);
  const auto reason = "paused by " + person() + (args.reason.empty() ? "" : ": " + args.reason);
  const Word word{.kind = WordKind::pause, .yes = stops, .node = 0, .item = {}, .who = person(), .reason = reason};
  bool twice = false;
  const auto facts = tell_twice(link, run, word, twice);
  if (!facts && facts.error().code != Errc::run_state) return facts.error();
  HILLSTAR_TRY(auto row, row_now(link, run));
  const bool ours = facts && (!facts->empty() || (twice && row.status == "paused" && row.reason == reason));
  if (!ours) return run::is_terminal(row) || facts ? cannot_pause(row) : facts.error();
  if (stops) {
    HILLSTAR_TRY(const auto quiet, await_quiet(context, link, run, stored.state.plan));
    if (quiet != Exit::done) return quiet;
    HILLSTAR_TRY(row, row_now(link, run));
  }
  host_others(context, link);
  auto& output = context.output;
  if (output.is_json()) output.data(row_object(row));
  output.say("paused " + run.str());
  if (row.nodes_running > 0)
    output.say(fmt::format(
        "  {} in flight; nothing new starts (`pause --now` stops what runs)",
        row.nodes_running == 1 ? "1 attempt is still" : std::to_string(row.nodes_running) + " attempts are still"));
  output.say("  resume with: hillstar-actors resume " + run.str());
  return Exit::done;
}

}  // namespace hillstar::cli
