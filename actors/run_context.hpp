// SPDX-License-Identifier: Apache-2.0
// What a run actor needs before it can go on: its state from the store, and what its tools are told about the run.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/engine.hpp"
#include "actors/kept_parts.hpp"
#include "messages/error.hpp"
#include "messages/events.hpp"
#include "messages/ids.hpp"
#include "persistence/event_codec.hpp"
#include "persistence/event_store.hpp"
#include "runtime/policy/redaction.hpp"
#include "runtime/run/state.hpp"
#include "runtime/telemetry/trace_context.hpp"
#include "runtime/tools/tool.hpp"
#include "runtime/workflow/state_fit.hpp"

namespace hillstar::actors {

struct RecoveredRun {
  run::RunState state;
  persistence::Hash chain{};  ///< Of the last record: what the next one links to.
};

/// Reads and folds the whole history. `kept`: of the same run. Errors: those of EventStore::read, internal for a
/// history that does not fold.
Result<RecoveredRun> recover_run(const persistence::EventStore& store, const RunId& run, const KeptParts& kept = {});

/// What a run actor is made with.
struct RunBirth {
  RunId run;
  std::vector<std::string> environment;
  policy::Redactor redactor;                        ///< Of the secrets in it.
  std::shared_ptr<const policy::Rules> rules = {};  ///< As in tools::RunContext; of a recovered run: found then.
  KeptParts kept = {};                              ///< Of a run that slept.
};

/// What a run's data must not reach, by the rules that were recorded with it. `rules` null: the default ones.
/// Errors: data_refused.
Result<std::shared_ptr<const policy::DataGuard>> guard_of(const workflow::Plan& plan, const policy::Routes* routes,
                                                          const policy::Rules* rules, const std::string& workspace);

/// What all tools of the run are told. `tracing`: as EngineOptions::tracing.
tools::RunContext run_context(const RunBirth& birth, const RunStarted& started,
                              const std::optional<telemetry::Sampler>& tracing = {});

/// What its nodes may see of shared state.
workflow::StateView state_view(const StartRun& request);

/// run::step_of, for HILLSTAR_STEP.
std::string step_of(std::string_view workflow_id);

}  // namespace hillstar::actors
