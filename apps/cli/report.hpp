// SPDX-License-Identifier: Apache-2.0
// What is printed about runs and results, apart from the live board.
#pragma once

#include <boost/json/fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "messages/value.hpp"
#include "persistence/event_store.hpp"
#include "runtime/run/child.hpp"
#include "runtime/run/state.hpp"
#include "runtime/run/view.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::cli {

/// A run's history folded, with its plan, from the store alone.
struct StoredRun {
  RunId run;
  std::vector<Recorded> history;
  run::RunState state;  ///< Holds the plan.
};
Result<StoredRun> load_run(const persistence::EventStore& store, const RunId& run);

/// The plan that a run was started with.
Result<std::shared_ptr<const workflow::Plan>> load_plan(const persistence::EventStore& store,
                                                        const std::string& plan_sha256);

/// The JSON of a value with its blobs filled in; bytes that are no UTF-8 as U+FFFD.
Result<boost::json::value> whole(const Value& value, const ReadBlob& read);

/// What a person wants to see of a result: the text of `output` if it is an object with one, else the JSON.
Result<std::string> result_text(const Value& value, const ReadBlob& read);

using run::final_nodes;

/// `{"run":...,"status":...,"outputs":{node: result},...}`: what `run -o json` prints.
Result<Json> run_object(const run::RunState& state, const RunId& run, const ReadBlob& read);
/// The row of `ls -o json`.
Json row_object(const run::Summary& row);

/// `Workflow completed: hello` and what follows.
/// What RunState::truncated counts, for a person.
std::string truncated_words(std::uint32_t count);
std::vector<std::string> summary_lines(const run::RunState& state, const RunId& run);

/// The index of a node; not_found with the nearest names.
Result<NodeIndex> find_node(const workflow::Plan& plan, const std::string& id);

}  // namespace hillstar::cli
