// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/taking_over.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "apps/cli/inheritance.hpp"
#include "apps/cli/selector.hpp"
#include "runtime/run/fork.hpp"
#include "runtime/run/run.hpp"
#include "runtime/stream/scope.hpp"
#include "runtime/workflow/part.hpp"

namespace hillstar::cli {
namespace {

/// Results of the run that is named, by node id; a node that failed has none.
Result<std::map<std::string, Value>> results_of(const persistence::EventStore& store, const std::string& selector,
                                                const workflow::Plan& plan, std::optional<Origin>& origin) {
  HILLSTAR_TRY(const auto row, select_run(store, selector));
  if (row.workflow != plan.workflow)
    return Error{Errc::run_state,
                 "The run is of workflow '" + row.workflow.str() + "', not of '" + plan.workflow.str() + "'.",
                 row.run.str(), "--set NODE.PATH=VALUE gives a result by hand."};
  HILLSTAR_TRY(const auto stored, load_run(store, row.run));
  origin = Origin{stored.run, stored.state.version};
  std::map<std::string, Value> results;
  for (NodeIndex i = 0; i < stored.state.nodes.size(); ++i) {
    const auto status = stored.state.nodes[i].status;
    if (status != run::NodeStatus::completed && status != run::NodeStatus::skipped) continue;
    results.emplace(stored.state.plan->nodes[i].id.str(), run::result_of(stored.state, i));
  }
  return results;
}

bool is_named(const std::string& node, const std::vector<std::string>& edits) {
  return std::any_of(edits.begin(), edits.end(), [&](const std::string& edit) {
    return edit.starts_with(node + ".") || edit.starts_with(node + "=");
  });
}

Error missing(const std::string& node, const std::string& source) {
  return {Errc::inputs_invalid,
          fmt::format("Node '{}' needs the result of '{}'.", node, source),
          {},
          fmt::format("Take it from a run with --from-run RUN, or give it with --set {}.output=VALUE.", source)};
}

}  // namespace

Result<std::vector<NodeInherited>> fork_at(StoredRun& parent, const ForkPoint& point, const ReadBlob& read) {
  if (point.at) {
    if (*point.at == 0 || *point.at > parent.state.version)
      return Error{Errc::usage, fmt::format("The history has events 1 to {}.", parent.state.version), "/at", {}};
    parent.history.resize(*point.at);
    parent.state = run::replay(parent.state.plan, parent.history);
  }
  std::optional<NodeIndex> from;
  if (point.from) {
    HILLSTAR_TRY(from, find_node(*parent.state.plan, *point.from));
  }
  auto inherited = run::inherit(parent.state, parent.run, from);
  for (const auto& assignment : point.set) HILLSTAR_CHECK(edit(inherited, *parent.state.plan, assignment, read));
  return inherited;
}

Result<StartJob> fork_job(const persistence::EventStore& store, const StoredRun& parent,
                          std::vector<NodeInherited> inherited) {
  const auto& started = parent.state.started;
  StartJob job;
  HILLSTAR_TRY(job.plan, store.read_blob(started.plan_sha256));
  HILLSTAR_TRY(job.workflow_text, store.read_blob(started.workflow_sha256));
  job.workflow_file = started.workflow_file;
  job.inputs = started.inputs;
  job.workspace = started.workspace;
  job.output_dir = started.output_dir;
  job.allow_paths = started.allow_paths;
  job.priority = started.priority;
  job.air_gapped = started.air_gapped;
  job.parent = Origin{parent.run, parent.state.version};
  job.isolation = started.isolation;
  if (const auto stream = stream::shared_stream_of(started); !stream.empty()) job.state_stream = stream;
  job.cells = run::inherit_cells(parent.history, inherited);
  job.inherited = std::move(inherited);
  return job;
}

Result<Before> results_before(const persistence::EventStore* store, const BeforeAsked& asked,
                              const workflow::Plan& plan) {
  Before before;
  std::map<std::string, Value> known;
  if (!asked.from_run.empty() && store != nullptr) {
    HILLSTAR_TRY(known, results_of(*store, asked.from_run, plan, before.origin));
  }
  const ReadBlob read = [store](const std::string& sha256) -> Result<std::string> {
    if (store == nullptr) return Error{Errc::blob_missing, "There is no store to read it from.", sha256};
    return store->read_blob(sha256);
  };
  const auto target = static_cast<NodeIndex>(plan.nodes.size() - 1);
  for (const auto source : workflow::needed_by(plan, target)) {
    const auto& id = plan.nodes[source].id.str();
    if (!known.contains(id) && !is_named(id, asked.set)) return missing(plan.nodes[target].id.str(), id);
  }
  for (NodeIndex i = 0; i < target; ++i) {
    const auto& node = plan.nodes[i];
    const auto found = known.find(node.id.str());
    const bool is_known = found != known.end();
    // What a person has to answer is not answered by going round it.
    if (!is_known && node.permission != workflow::Permission::always)
      return Error{
          Errc::permission_denied,
          fmt::format("Node '{}', before '{}', {}.", node.id.str(), plan.nodes[target].id.str(),
                      node.permission == workflow::Permission::ask ? "asks for approval" : "must never run"),
          "permissions of " + asked.file,
          "--from-run takes over a run in which it was approved; who writes the workflow may change the rule."};
    // Nothing asks for the result of the others, or --set gives it.
    const Value nothing{{}, Json::from_canonical("{}")};
    HILLSTAR_TRY(auto taken, taken_over(node, is_known ? found->second : nothing,
                                        is_known ? before.origin : std::optional<Origin>(), read));
    taken.edited = !is_known;
    before.results.push_back(std::move(taken));
  }
  for (const auto& assignment : asked.set) {
    auto edited = edit(before.results, plan, assignment, read);
    if (!edited && edited.error().code == Errc::not_found)
      return Error{Errc::not_found, edited.error().message, "--set " + assignment,
                   "Only nodes before '" + plan.nodes[target].id.str() + "' can be given a result."};
    HILLSTAR_CHECK(edited);
  }
  return before;
}

}  // namespace hillstar::cli
