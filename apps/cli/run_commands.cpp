// SPDX-License-Identifier: Apache-2.0
// run: from a workflow file to a run.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <filesystem>

#include "apps/cli/carry.hpp"
#include "apps/cli/commands.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/given_inputs.hpp"
#include "apps/cli/registry_file.hpp"
#include "apps/cli/resume_point.hpp"
#include "apps/cli/span.hpp"
#include "apps/cli/worker_place.hpp"
#include "apps/cli/workflow_file.hpp"
#include "apps/http/remote.hpp"
#include "runtime/workflow/state_fit.hpp"

namespace hillstar::cli {
namespace {

/// Of runs that wait for the same backend, one of 30 gets three calls while one of 10 gets one.
Result<std::optional<std::uint32_t>> priority_of(const std::string& text) {
  constexpr std::uint32_t kLow = 3;
  constexpr std::uint32_t kHigh = 30;
  using Priority = std::optional<std::uint32_t>;
  if (text.empty() || text == "normal") return Priority();
  if (text == "low") return Priority(kLow);
  if (text == "high") return Priority(kHigh);
  std::uint32_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, code] = std::from_chars(text.data(), end, number);
  if (code != std::errc() || rest != end || number < 1 || number > tools::kPriorityMax)
    return Error{Errc::usage, "There is no priority '" + text + "'.", {}, "Give low, normal, high, or 1 to 100."};
  return Priority(number);
}

Result<std::optional<Isolation>> isolation_of(const RunArgs& args) {
  Isolation isolation{};
  if (!args.isolation.empty()) boost::describe::enum_from_string(args.isolation.c_str(), isolation);
  if (!args.state_of.empty() && isolation == Isolation::isolated)
    return Error{Errc::usage, "An isolated run shares no state.", "--state-of " + args.state_of,
                 "Add --isolation shared or --isolation synchronized."};
  return isolation == Isolation::isolated ? std::nullopt : std::optional(isolation);
}

/// What would be dropped on the way to a service is refused.
Result<void> check_far(const Context& context, const RunArgs& args) {
  return check_remote(context, {{args.output_dir != RunArgs().output_dir, "OUTPUT_DIR"},
                                {!args.allow_paths.empty(), "--allow-path"},
                                {!args.env_file.empty(), "--env-file"},
                                {args.max_concurrency > 0, "--max-concurrency"},
                                {args.ephemeral, "--ephemeral"},
                                {!args.workers.empty(), "--workers"}});
}

}  // namespace

Result<Exit> run_workflow(Context& context, const RunArgs& args) {
  HILLSTAR_CHECK(check_far(context, args));
  HILLSTAR_TRY(const auto priority, priority_of(args.priority));
  std::optional<Millis> timeout;
  if (!args.timeout.empty()) {
    HILLSTAR_TRY(timeout, span_of(args.timeout));
  }
  HILLSTAR_TRY(const auto workspace, current_folder());
  HILLSTAR_TRY(const auto registry, load_registry(context.environment));
  HILLSTAR_TRY(auto loaded, load_workflow(args.file, {args.strict, *registry, context.environment, args.air_gapped}));
  if (!show_diagnostics(context.output, loaded.compiled.diagnostics, args.file)) return Exit::invalid_workflow;
  auto& plan = *loaded.compiled.plan;
  if (args.max_concurrency > 0) plan.max_concurrency = args.max_concurrency;

  HILLSTAR_TRY(const auto given, given_parameters(args.parameters));
  HILLSTAR_TRY(const auto file_values, params_of(args.params_file));
  const auto inputs = workflow::resolve_inputs(plan, given, file_values);
  if (!show_diagnostics(context.output, inputs.diagnostics, args.file)) return Exit::invalid_workflow;

  StartJob job;
  job.plan = workflow::to_text(plan);
  job.workflow_text = std::move(loaded.text);
  job.workflow_file = args.file;
  job.inputs = inputs.values;
  job.workspace = workspace;
  job.output_dir = absolute_path(args.output_dir.empty() ? ".hillstar" : args.output_dir);
  for (const auto& folder : args.allow_paths) job.allow_paths.push_back(absolute_path(folder));
  for (const auto& folder : plan.file_access) job.allow_paths.push_back(absolute_path(folder));
  HILLSTAR_TRY(job.environment, variables_for(context, args.file, job.workspace, args.env_file, &plan));
  job.started_by = person();
  job.priority = priority;
  job.air_gapped = args.air_gapped;
  HILLSTAR_TRY(job.labels, labels_of(args.labels));
  if (!args.correlation.empty()) job.correlation = args.correlation;
  HILLSTAR_TRY(job.isolation, isolation_of(args));
  if (!args.state_of.empty()) job.state_stream = args.state_of;
  HILLSTAR_CHECK(
      workflow::check_state(plan, {job.isolation.value_or(Isolation::isolated), job.state_stream.has_value()}));
  if (timeout) job.deadline = context.clock.utc_now() + *timeout;
  if (!args.resume_from.empty()) {
    HILLSTAR_TRY(auto point, find_resume_point(context, args.resume_from, plan, job.output_dir));
    job.inherited = std::move(point.inherited);
    job.cells = std::move(point.cells);
    job.parent = point.origin;
    job.taken_there.emplace();
    job.taken_there->resume_from = std::move(point.source);
    context.output.say(fmt::format("Resuming from {}: {} of {} results are taken over.", point.name,
                                   job.inherited.size(), plan.nodes.size()));
  }

  const auto shared_plan = std::make_shared<const workflow::Plan>(std::move(plan));
  job.shared_plan = shared_plan;
  LinkOptions linked{.folder = context.store, .environment = job.environment, .ephemeral = args.ephemeral};
  if (!args.workers.empty()) {
    HILLSTAR_TRY(linked.workers, workers_at(args.workers, args.workers_identity, context.environment));
  }
  HILLSTAR_TRY(linked.worker_lost_after, lost_after(args.worker_lost_after));
  Link link(std::move(linked));
  HILLSTAR_CHECK(link.open());
  if (link.workers_port() != 0) context.output.say("Workers join at port " + std::to_string(link.workers_port()) + ".");
  HILLSTAR_TRY(const auto run, link.start(job));
  job = {};  // Large graphs: the run has its own by now.
  context.output.say(fmt::format("Executing {} as run {}", shared_plan->workflow.str(), run.str()));
  FollowOptions options{.run = run, .plan = shared_plan, .show_from = 1, .owns = true, .ask = false};
  options.ask = ::isatty(STDIN_FILENO) == 1 && context.output.stderr_is_terminal();
  return carry(context, link, options);
}

}  // namespace hillstar::cli
