// SPDX-License-Identifier: Apache-2.0
// watch: through the host while there is one, else by looking at the store again; watching starts and stops nothing.
#include <chrono>
#include <thread>

#include "apps/cli/carry.hpp"
#include "apps/cli/command_table.hpp"
#include "apps/cli/run_end.hpp"
#include "apps/cli/selector.hpp"
#include "apps/cli/watch_commands.hpp"
#include "runtime/run/run.hpp"

namespace hillstar::cli {
namespace {

constexpr std::chrono::milliseconds kPoll{300};

Exit tell_end(Output& output, const run::RunState& state, const RunId& run) {
  if (!output.is_json())
    for (const auto& line : summary_lines(state, run)) output.say(line);
  return exit_of_end(state);
}

}  // namespace

Result<Exit> watch_run(Context& context, const WatchArgs& args) {
  auto& output = context.output;
  HILLSTAR_TRY(auto store, read_store(context));
  HILLSTAR_TRY(const auto row, select_run(*store, args.run));
  HILLSTAR_TRY(auto stored, load_run(*store, row.run));
  const std::shared_ptr<Display> display = make_display(output, context.clock);
  Link link({.folder = context.store, .environment = {}, .ephemeral = false});
  bool said = false;
  while (!output.broken() && !output.reader_left()) {
    if (run::is_terminal(stored.state)) return tell_end(output, stored.state, row.run);
    if (link.join_only()) {
      FollowOptions options{.run = row.run, .plan = stored.state.plan, .show_from = 1, .owns = false, .ask = false};
      if (said) options.show_from = stored.state.version + 1;
      options.past_waits = true;
      options.take_over = false;
      options.display = display;
      const auto followed = follow(link, output, context.clock, options);
      if (followed && followed->stop == Stop::interrupted) return static_cast<Exit>(128 + followed->signal);
      if (followed) return tell_end(output, followed->live.state, row.run);
      if (!is_host_gone(followed.error())) return followed.error();
    }
    if (!said)
      output.say("nobody hosts this run now; waiting (`hillstar-actors resume " + row.run.str() + "` goes on with it)");
    said = true;
    std::this_thread::sleep_for(kPoll);
    HILLSTAR_TRY(store, read_store(context));
    HILLSTAR_TRY(stored, load_run(*store, row.run));
  }
  return Exit::done;
}

void add_watchers(Commands& commands) {
  auto [top, t] = commands.add<TopArgs>("top", "Show what goes on: runs, streams, providers; q ends it", show_top);
  top->add_option("--every", t->every, "how often")->type_name("SPAN")->capture_default_str();
  top->add_option("--count", t->count, "so often; without it until it is ended, and once where nobody looks")
      ->type_name("N");
  auto [watch, w] = commands.add<WatchArgs>("watch", "Watch a run until it ends; it does not depend on it", watch_run);
  watch->add_option("RUN", w->run, "a unique start of a run id, a workflow id (its latest run), or 'latest'")
      ->capture_default_str();
}

}  // namespace hillstar::cli
