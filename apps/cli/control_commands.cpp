// SPDX-License-Identifier: Apache-2.0
// resume, fork, cancel, approve, reject: what a person tells a run that exists.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "actors/hillstar_export.hpp"
#include "apps/cli/carry.hpp"
#include "apps/cli/commands.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/hosting.hpp"
#include "apps/cli/run_words.hpp"
#include "apps/cli/selector.hpp"
#include "apps/cli/taking_over.hpp"
#include "apps/cli/text.hpp"
#include "runtime/policy/registry.hpp"
#include "runtime/run/fork.hpp"
#include "runtime/run/run.hpp"

namespace hillstar::cli {
namespace {

struct Target {
  std::shared_ptr<const persistence::EventStore> store;
  StoredRun run;
};

Result<Target> find_target(const Context& context, const std::string& selector) {
  Target target;
  HILLSTAR_TRY(target.store, read_store(context));
  HILLSTAR_TRY(const auto row, select_run(*target.store, selector));
  HILLSTAR_TRY(target.run, load_run(*target.store, row.run));
  return target;
}

Error wrong_state(const StoredRun& stored, const std::string& what, std::string hint) {
  return {Errc::run_state, fmt::format("The run is {}: {}.", run::status_name(stored.state), what), stored.run.str(),
          std::move(hint)};
}

FollowOptions follow_options(const Context& context, const StoredRun& stored) {
  FollowOptions options{
      .run = stored.run, .plan = stored.state.plan, .show_from = stored.state.version + 1, .owns = true, .ask = false};
  options.ask = ::isatty(STDIN_FILENO) == 1 && context.output.stderr_is_terminal();
  return options;
}

Result<std::vector<std::string>> variables_of(const Context& context, const StoredRun& stored) {
  return variables_for(context, stored.state.started.workflow_file, stored.state.started.workspace, {},
                       stored.state.plan.get());
}

/// `deploy=run-again`, `fetch[3]=failed`.
Result<Word> settlement(const StoredRun& stored, const ResumeArgs& args) {
  const auto equals = args.settle.rfind('=');
  const std::string how = equals == std::string::npos ? "" : args.settle.substr(equals + 1);
  if (how != "run-again" && how != "failed")
    return Error{Errc::usage, "--settle takes NODE=run-again or NODE=failed.", "--settle " + args.settle, {}};
  Word word{.kind = WordKind::settle,
            .yes = how == "run-again",
            .node = 0,
            .item = {},
            .who = person(),
            .reason = args.reason};
  std::string name = args.settle.substr(0, equals);
  auto found = find_node(*stored.state.plan, name);
  if (!found && !name.empty() && name.back() == ']') {
    const auto open = name.rfind('[');
    std::uint32_t item = 0;
    if (open != std::string::npos &&
        std::from_chars(name.data() + open + 1, name.data() + name.size() - 1, item).ec == std::errc()) {
      word.item = item;
      found = find_node(*stored.state.plan, name.substr(0, open));
    }
  }
  if (!found) return found.error();
  word.node = *found;
  return word;
}

/// `--budget`, in whole millionths.
Result<std::optional<MicroUsd>> budget_of(const ResumeArgs& args, const StoredRun& stored) {
  if (args.budget.empty()) return std::optional<MicroUsd>();
  const auto micros = policy::micros_of(args.budget);
  if (!micros || *micros == 0)
    return Error{Errc::usage, "'" + args.budget + "' is no amount of US dollars.", "--budget",
                 "Write it like 2.50; no more than six decimals."};
  if (stored.state.status != run::RunStatus::paused)
    return Error{Errc::usage, "Only a paused run can be given another budget.", "--budget",
                 "Change model_config.budget in the workflow file, and run it again."};
  return std::optional(MicroUsd{static_cast<std::int64_t>(*micros)});
}

bool has_ended(const Link& link, const RunId& run) {
  const auto store = link.reading();
  const auto row = store ? (*store)->summary(run) : store.error();
  return row && run::is_terminal(*row);
}

/// A process that died as the run ended left the last files unwritten. Another host may be just writing them.
Result<void> finish_files(Context& context, Link& link, const StoredRun& stored) {
  if (!link.is_host() || stored.state.started.output_dir.empty()) return {};
  HILLSTAR_TRY(const auto store, link.reading());
  const auto written = actors::finish_export(*store, stored.run);
  if (!written) {
    context.output.warn("warning: the run's last files cannot be written: " + visible(to_string(written.error())));
  } else if (*written) {
    context.output.say("wrote the files that were missing to " + visible(stored.state.started.output_dir));
  }
  return {};
}

}  // namespace

Result<Exit> resume_run(Context& context, const ResumeArgs& args) {
  HILLSTAR_TRY(auto target, find_target(context, args.run));
  const auto& stored = target.run;
  const auto status = stored.state.status;
  if (status == run::RunStatus::completed && !args.settle.empty())
    return wrong_state(stored, "there is nothing to settle",
                       "`hillstar-actors fork " + stored.run.str() + " --from NODE` runs a part of it again.");
  HILLSTAR_TRY(const auto budget, budget_of(args, stored));
  std::optional<Word> settle;
  if (!args.settle.empty()) {
    HILLSTAR_TRY(settle, settlement(stored, args));
  }
  HILLSTAR_TRY(auto environment, variables_of(context, stored));
  Link link({.folder = context.store, .environment = std::move(environment), .ephemeral = false});
  target.store.reset();
  HILLSTAR_CHECK(link.open());
  if (run::is_terminal(stored.state)) HILLSTAR_CHECK(finish_files(context, link, stored));
  if (status == run::RunStatus::completed) {
    context.output.say("The run has completed already. To run a part of it again: hillstar-actors fork " +
                       stored.run.str() + " --from NODE");
    return carry(context, link, follow_options(context, stored));
  }
  if (run::is_terminal(stored.state)) {
    context.output.say(fmt::format("The run is {}; a run that ended is never changed, so a new one goes on from it.",
                                   run::status_name(stored.state)));
    return carry_fork(context, link, stored, run::inherit(stored.state, stored.run, std::nullopt),
                      {{}, stored.state.version, {}});
  }
  const auto taken_up = link.set_environment(stored.run, link.options().environment);
  // It may have come to its end just now: that is shown.
  if (!taken_up && has_ended(link, stored.run)) return carry(context, link, follow_options(context, stored));
  HILLSTAR_CHECK(taken_up);
  if (settle) {
    HILLSTAR_TRY(const auto facts, link.tell(stored.run, *settle));
    if (facts.empty())
      return wrong_state(stored, "'" + args.settle + "' settles nothing",
                         "Only a lost attempt of a node with effect `once` is settled.");
  }
  if (status == run::RunStatus::paused) {
    Word resume{.kind = WordKind::resume, .yes = false, .node = 0, .item = {}, .who = person(), .reason = args.reason};
    resume.budget = budget;
    HILLSTAR_TRY([[maybe_unused]] const auto facts, link.tell(stored.run, resume));
  }
  return carry(context, link, follow_options(context, stored));
}

Result<Exit> fork_run(Context& context, const ForkArgs& args) {
  HILLSTAR_TRY(auto target, find_target(context, args.run));
  auto& stored = target.run;
  std::uint64_t seq = 0;
  const auto* end = args.from.data() + args.from.size();
  const auto [stopped, failed] = std::from_chars(args.from.data(), end, seq);
  ForkPoint point{{}, {}, args.edits};
  if (const auto node = find_node(*stored.state.plan, args.from)) {
    point.from = args.from;
    point.at = stored.state.version;
  } else if (failed == std::errc() && stopped == end && !args.from.empty()) {
    point.at = seq;
  } else {
    return node.error();
  }
  const auto read = [&target](const std::string& sha256) { return target.store->read_blob(sha256); };
  auto inherited = fork_at(stored, point, read);
  if (!inherited && inherited.error().where == "/at")
    return Error{Errc::usage, inherited.error().message, "--from " + args.from, {}};
  HILLSTAR_CHECK(inherited);

  HILLSTAR_TRY(auto environment, variables_of(context, stored));
  Link link({.folder = context.store, .environment = std::move(environment), .ephemeral = false});
  target.store.reset();
  HILLSTAR_CHECK(link.open());
  return carry_fork(context, link, stored, std::move(inherited).value(), std::move(point));
}

Result<Exit> cancel_run(Context& context, const AnswerArgs& args) {
  HILLSTAR_TRY(auto target, find_target(context, args.run));
  const auto& stored = target.run;
  if (run::is_terminal(stored.state)) return wrong_state(stored, "there is nothing to cancel", {});
  Link link({.folder = context.store, .environment = context.environment, .ephemeral = false});
  target.store.reset();
  HILLSTAR_CHECK(link.open());
  HILLSTAR_TRY(
      [[maybe_unused]] const auto facts,
      link.tell(
          stored.run,
          {.kind = WordKind::cancel, .yes = false, .node = 0, .item = {}, .who = person(), .reason = args.reason}));
  auto options = follow_options(context, stored);
  options.owns = options.ask = false;
  options.past_waits = true;
  HILLSTAR_TRY(const auto followed, follow(link, context.output, context.clock, options));
  if (followed.stop == Stop::interrupted) return static_cast<Exit>(128 + followed.signal);
  host_others(context, link);
  if (context.output.format() == Format::json)
    context.output.data(row_object(run::summarize(followed.live.state, stored.run)));
  if (followed.live.state.status != run::RunStatus::cancelled)
    return Error{Errc::run_state,
                 fmt::format("The run {} before it could be cancelled.", run::status_name(followed.live.state)),
                 stored.run.str(),
                 {}};
  context.output.say("cancelled " + stored.run.str());
  return Exit::done;
}

Result<Exit> answer_approval(Context& context, const AnswerArgs& args) {
  HILLSTAR_TRY(auto target, find_target(context, args.run));
  const auto& stored = target.run;
  HILLSTAR_TRY(const auto node, find_node(*stored.state.plan, args.node));
  HILLSTAR_CHECK(check_answer(stored, node, person(), args.yes));
  const auto& approval = *stored.state.nodes[node].approval;
  HILLSTAR_TRY(auto environment, variables_of(context, stored));
  Link link({.folder = context.store, .environment = std::move(environment), .ephemeral = false});
  target.store.reset();
  HILLSTAR_CHECK(link.open());
  HILLSTAR_TRY(const auto facts, link.tell(stored.run, {.kind = WordKind::answer,
                                                        .yes = args.yes,
                                                        .node = node,
                                                        .item = {},
                                                        .who = person(),
                                                        .reason = args.reason}));
  if (facts.empty()) return answered_already(stored, node);
  const auto needed = approval.asked.approvals.value_or(1);
  const auto given = approval.given.size() + 1;
  const auto count = args.yes && needed > 1 ? fmt::format(" ({} of {} approvals)", given, needed) : std::string();
  context.output.say(
      fmt::format("{} {} of {}{}", args.yes ? "approved" : "rejected", visible(args.node), stored.run.str(), count));
  if (link.is_host()) return carry(context, link, follow_options(context, stored));
  // Whoever hosts the run goes on with it.
  if (context.output.format() == Format::json)
    context.output.data(
        Json::of(boost::json::object{{"run", stored.run.str()}, {"node", args.node}, {"approved", args.yes}}));
  return Exit::done;
}

}  // namespace hillstar::cli
