// SPDX-License-Identifier: Apache-2.0
// execute-node: one node of a workflow as a run of its own. What lies before it is taken over, never run.
#include <fmt/format.h>
#include <unistd.h>

#include "apps/cli/carry.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/given_inputs.hpp"
#include "apps/cli/project_commands.hpp"
#include "apps/cli/registry_file.hpp"
#include "apps/cli/taking_over.hpp"
#include "apps/cli/text.hpp"
#include "apps/cli/workflow_file.hpp"
#include "runtime/workflow/part.hpp"

namespace hillstar::cli {

Result<Exit> execute_node(Context& context, const ExecuteNodeArgs& args) {
  HILLSTAR_CHECK(
      check_remote(context, {{!args.allow_paths.empty(), "--allow-path"}, {!args.env_file.empty(), "--env-file"}}));
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
  std::shared_ptr<const persistence::EventStore> store;
  if (!args.from_run.empty()) {
    HILLSTAR_TRY(store, read_store(context));
  }
  HILLSTAR_TRY(auto before, results_before(store.get(), {args.from_run, args.edits, args.file}, plan));
  store.reset();

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
  job.taken_there.emplace();
  job.taken_there->node = args.node;
  if (before.origin) job.taken_there->from_run = before.origin->run;
  job.taken_there->set = args.edits;

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
