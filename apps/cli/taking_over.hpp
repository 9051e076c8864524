// SPDX-License-Identifier: Apache-2.0
// Runs that begin with results of older ones: the same checks whether a terminal or a service makes them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/cli/client.hpp"
#include "apps/cli/report.hpp"
#include "persistence/event_store.hpp"

namespace hillstar::cli {

/// The results that a run from there takes over; cuts `parent` at the event. Errors: usage (where: /at), not_found, and
/// those of edit().
Result<std::vector<NodeInherited>> fork_at(StoredRun& parent, const ForkPoint& point, const ReadBlob& read);
/// A run of the plan that `parent` was started with, in the same place. Without environment and person.
Result<StartJob> fork_job(const persistence::EventStore& store, const StoredRun& parent,
                          std::vector<NodeInherited> inherited);

/// What the nodes before one are taken to have produced.
struct Before {
  std::vector<NodeInherited> results;
  std::optional<Origin> origin;
};
/// Where that comes from.
struct BeforeAsked {
  std::string from_run;          ///< Results of this run; empty: of none.
  std::vector<std::string> set;  ///< NODE.PATH=VALUE: results by hand, or changes.
  std::string file;              ///< Of the workflow, for errors.
};
/// For the last node of `plan`, the part of a workflow before it (workflow::part_before). `store` may be null without
/// `from_run`. Errors: inputs_invalid (a result is missing), permission_denied, run_state, not_found.
Result<Before> results_before(const persistence::EventStore* store, const BeforeAsked& asked,
                              const workflow::Plan& plan);

}  // namespace hillstar::cli
