// SPDX-License-Identifier: Apache-2.0
#include "actors/run_context.hpp"

#include <utility>

#include "persistence/run_start.hpp"
#include "runtime/run/hillstar_names.hpp"
#include "runtime/run/run.hpp"
#include "runtime/stream/scope.hpp"

namespace hillstar::actors {
namespace {

Result<KeptHistory> read_history(const persistence::EventStore& store, const RunId& run) {
  HILLSTAR_TRY(auto events, store.read(run));
  HILLSTAR_TRY(const auto last, store.read_records(run, events.size(), 1));
  if (last.size() != 1) return Error{Errc::record_corrupt, "the last record cannot be read", run.str()};
  return KeptHistory{std::make_shared<const std::vector<Recorded>>(std::move(events)), last.front().hash};
}

/// The state before the first event, as what was recorded with it says.
Result<run::RunState> from_blobs(const persistence::EventStore& store, const RunStarted& started) {
  HILLSTAR_TRY(const auto text, store.read_blob(started.plan_sha256));
  HILLSTAR_TRY(auto plan, workflow::plan_from_text(text));
  auto state = run::initial(std::make_shared<const workflow::Plan>(std::move(plan)));
  if (started.routes_sha256) {
    HILLSTAR_TRY(const auto routes_text, store.read_blob(*started.routes_sha256));
    HILLSTAR_TRY(auto routes, policy::routes_from_text(routes_text, state.nodes.size()));
    state.routes = std::make_shared<const policy::Routes>(std::move(routes));
  }
  policy::Rules rules = policy::default_rules();
  if (started.rules_sha256) {
    HILLSTAR_TRY(const auto rules_text, store.read_blob(*started.rules_sha256));
    HILLSTAR_TRY(rules, policy::rules_from_text(rules_text));
  }
  HILLSTAR_TRY(state.guard, guard_of(*state.plan, state.routes.get(), &rules, started.workspace));
  return state;
}

}  // namespace

Result<RecoveredRun> recover_run(const persistence::EventStore& store, const RunId& run, const KeptParts& kept) {
  auto history = kept.history();
  if (!history.events) {
    HILLSTAR_TRY(history, read_history(store, run));
  }
  HILLSTAR_TRY(const auto* started, persistence::run_start(*history.events, run));
  try {
    auto fresh = kept.fresh();
    if (!fresh) {
      HILLSTAR_TRY(fresh, from_blobs(store, *started));
    }
    return RecoveredRun{run::replay(*std::move(fresh), *history.events), history.chain};
  } catch (const InvariantError& bug) {
    return Error{Errc::internal, bug.message, run.str()};
  }
}

tools::RunContext run_context(const RunBirth& birth, const RunStarted& started,
                              const std::optional<telemetry::Sampler>& tracing) {
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
  context.air_gapped = started.air_gapped;
  context.rules = birth.rules;
  context.isolation = started.isolation.value_or(Isolation::isolated);
  context.state_stream = stream::shared_stream_of(started);
  const auto trace = telemetry::run_trace(birth.run, started, tracing.value_or(telemetry::Sampler{}));
  if (tracing || !trace.parent_span_id.empty()) context.trace = telemetry::to_traceparent(trace.self);
  return context;
}

Result<std::shared_ptr<const policy::DataGuard>> guard_of(const workflow::Plan& plan, const policy::Routes* routes,
                                                          const policy::Rules* rules, const std::string& workspace) {
  static const policy::Routes kNone;
  const auto& held = rules == nullptr ? policy::default_rules() : *rules;
  return policy::guard_of({plan, routes == nullptr ? kNone : *routes, held.data, workspace});
}

workflow::StateView state_view(const StartRun& request) {
  const bool has_stream = request.state_stream || (request.trigger && request.trigger->stream);
  return {request.isolation.value_or(Isolation::isolated), has_stream};
}

std::string step_of(std::string_view workflow_id) { return run::step_of(workflow_id); }

}  // namespace hillstar::actors
