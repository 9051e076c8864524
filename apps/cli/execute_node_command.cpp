// SPDX-License-Identifier: Apache-2.0
// execute-node: one node of a workflow as a run of its own. What lies before it is taken over, never run.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "apps/cli/carry.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/given_inputs.hpp"
#include "apps/cli/inheritance.hpp"
#include "apps/cli/project_commands.hpp"
#include "apps/cli/registry_file.hpp"
#include "apps/cli/selector.hpp"
#include "apps/cli/text.hpp"
#include "apps/cli/workflow_file.hpp"
#include "runtime/run/run.hpp"
#include "runtime/workflow/part.hpp"

namespace hillstar::cli {
namespace {

/// What the nodes before are taken to have produced.
struct Before {
  std::vector<NodeInherited> results;
  std::optional<Origin> origin;
};

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

Result<Before> take_over(const Context& context, const ExecuteNodeArgs& args, const workflow::Plan& plan) {
  Before before;
  std::shared_ptr<const persistence::EventStore> store;
  std::map<std::string, Value> known;
  if (!args.from_run.empty()) {
    HILLSTAR_TRY(store, read_store(context));
    HILLSTAR_TRY(known, results_of(*store, args.from_run, plan, before.origin));
  }
  const ReadBlob read = [&store](const std::string& sha256) -> Result<std::string> {
    if (!store) return Error{Errc::blob_missing, "There is no store to read it from.", sha256};
    return store->read_blob(sha256);
  };
  const auto target = static_cast<NodeIndex>(plan.nodes.size() - 1);
  for (const auto source : workflow::needed_by(plan, target)) {
    const auto& id = plan.nodes[source].id.str();
    if (!known.contains(id) && !is_named(id, args.edits)) return missing(plan.nodes[target].id.str(), id);
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
          "permissions of " + args.file,
          "--from-run takes over a run in which it was approved; who writes the workflow may change the rule."};
    // Nothing asks for the result of the others, or --set gives it.
    const Value nothing{{}, Json::from_canonical("{}")};
    HILLSTAR_TRY(auto taken, taken_over(node, is_known ? found->second : nothing,
                                        is_known ? before.origin : std::optional<Origin>(), read));
    taken.edited = !is_known;
    before.results.push_back(std::move(taken));
  }
  for (const auto& assignment : args.edits) {
    auto edited = edit(before.results, plan, assignment, read);
    if (!edited && edited.error().code == Errc::not_found)
      return Error{Errc::not_found, edited.error().message, "--set " + assignment,
                   "Only nodes before '" + plan.nodes[target].id.str() + "' can be given a result."};
    HILLSTAR_CHECK(edited);
  }
  return before;
}

}  // namespace

Result<Exit> execute_node(Context& context, const ExecuteNodeArgs& args) {
  HILLSTAR_TRY(const auto workspace, current_folder());
  HILLSTAR_TRY(const auto registry, load_registry(context.environment));
  HILLSTAR_TRY(auto loaded, load_workflow(args.file, {args.strict, *registry, context.environment}));
  if (!show_diagnostics(context.output, loaded.compiled.diagnostics, args.file)) return Exit::invalid_workflow;
  HILLSTAR_TRY(const auto node, find_node(*loaded.compiled.plan, args.node));
  auto plan = workflow::part_before(*loaded.compiled.plan, node);

  HILLSTAR_TRY(const auto given, given_parameters(args.parameters));
  HILLSTAR_TRY(const auto file_values, params_of(args.params_file));
  const auto inputs = workflow::resolve_inputs(plan, given, file_values);
  if (!show_diagnostics(context.output, inputs.diagnostics, args.file)) return Exit::invalid_workflow;
  HILLSTAR_TRY(auto before, take_over(context, args, plan));

  StartJob job;
  job.plan = workflow::to_text(plan);
  job.workflow_text = std::move(loaded.text);
  job.workflow_file = args.file;
  job.inputs = inputs.values;
  job.workspace = workspace;
  // No output folder: a part of a workflow leaves no marker and no files that look like those of the whole.
  for (const auto& folder : args.allow_paths) job.allow_paths.push_back(absolute_path(folder));
  for (const auto& folder : plan.file_access) job.allow_paths.push_back(absolute_path(folder));
  HILLSTAR_TRY(job.environment, variables_for(context, args.file, job.workspace, args.env_file, &plan));
  job.started_by = person();
  job.inherited = std::move(before.results);
  job.parent = before.origin;

  const auto shared_plan = std::make_shared<const workflow::Plan>(std::move(plan));
  job.shared_plan = shared_plan;
  Link link({.folder = context.store, .environment = job.environment, .ephemeral = false});
  HILLSTAR_CHECK(link.open());
  HILLSTAR_TRY(const auto run, link.start(job));
  context.output.say(
      fmt::format("Executing node {} of {} as run {}", visible(args.node), shared_plan->workflow.str(), run.str()));
  FollowOptions options{.run = run, .plan = shared_plan, .show_from = 1, .owns = true, .ask = false};
  options.ask = ::isatty(STDIN_FILENO) == 1 && context.output.stderr_is_terminal();
  return carry(context, link, options);
}

}  // namespace hillstar::cli
