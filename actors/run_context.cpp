// SPDX-License-Identifier: Apache-2.0
#include "actors/run_context.hpp"

#include <utility>

#include "runtime/run/hillstar_names.hpp"
#include "runtime/run/run.hpp"

namespace hillstar::actors {
namespace {

Result<RunStarted> first_event(const std::vector<Recorded>& history, const RunId& run) {
  if (history.empty() || !std::holds_alternative<RunStarted>(history.front().event))
    return Error{Errc::record_corrupt, "the history does not begin with run_started", run.str()};
  return std::get<RunStarted>(history.front().event);
}

}  // namespace

Result<RecoveredRun> recover_run(const persistence::EventStore& store, const RunId& run) {
  HILLSTAR_TRY(const auto history, store.read(run));
  HILLSTAR_TRY(const auto started, first_event(history, run));
  HILLSTAR_TRY(const auto last, store.read_records(run, history.size(), 1));
  if (last.size() != 1) return Error{Errc::record_corrupt, "the last record cannot be read", run.str()};
  HILLSTAR_TRY(const auto text, store.read_blob(started.plan_sha256));
  HILLSTAR_TRY(auto plan, workflow::plan_from_text(text));
  try {
    auto state = run::replay(std::make_shared<const workflow::Plan>(std::move(plan)), history);
    if (started.routes_sha256) {
      HILLSTAR_TRY(const auto routes_text, store.read_blob(*started.routes_sha256));
      HILLSTAR_TRY(auto routes, policy::routes_from_text(routes_text, state.nodes.size()));
      state.routes = std::make_shared<const policy::Routes>(std::move(routes));
    }
    return RecoveredRun{std::move(state), last.front().hash};
  } catch (const InvariantError& bug) {
    return Error{Errc::internal, bug.message, run.str()};
  }
}

tools::RunContext run_context(const RunBirth& birth, const RunStarted& started) {
  tools::RunContext context;
  context.run = birth.run.str();
  context.workflow = started.workflow.str();
  context.workspace = started.workspace;
  context.output_dir = started.output_dir;
  context.step = step_of(started.workflow.str());
  context.allow_paths = started.allow_paths;
  context.priority = started.priority.value_or(tools::kPriorityDefault);
  context.environment = birth.environment;
  context.redactor = birth.redactor;
  return context;
}

std::string step_of(std::string_view workflow_id) { return run::step_of(workflow_id); }

}  // namespace hillstar::actors
