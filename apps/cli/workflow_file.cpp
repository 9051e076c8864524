// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/workflow_file.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <iterator>

#include "apps/cli/child_files.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/text.hpp"
#include "messages/json.hpp"
#include "providers/adapter.hpp"
#include "runtime/platform/time_zone.hpp"
#include "runtime/policy/model_check.hpp"
#include "runtime/policy/question_check.hpp"
#include "runtime/policy/rules_check.hpp"
#include "runtime/tools/policy_files.hpp"
#include "runtime/workflow/literal_keys.hpp"

namespace hillstar::cli {
namespace {

constexpr std::size_t kWorkflowBytesMax = 64U << 20U;

/// By making the request, for an address and without a key that do not matter.
Result<void> try_asking(const ModelRequest& request, const policy::Backend& backend) {
  const auto* adapter = providers::find_adapter(backend.adapter);
  if (adapter == nullptr) return {};
  providers::Endpoint endpoint;
  endpoint.base_url = "http://127.0.0.1";
  endpoint.api_version = backend.api_version;
  const auto encoded = adapter->encode(request, endpoint);
  return encoded ? Result<void>() : Result<void>(encoded.error());
}

/// Which time zones there are, only the machine knows.
std::vector<workflow::Diagnostic> check_time_zones(const workflow::Plan& plan, const std::string& text) {
  std::vector<workflow::Diagnostic> found;
  for (std::size_t i = 0; i < plan.entry_points.size(); ++i) {
    const auto& timer = plan.entry_points[i].timer;
    if (!timer || !timer->time_zone) continue;
    const auto zone = load_time_zone(*timer->time_zone);
    if (zone) continue;
    const auto located = json::parse_located(text);
    const auto place = "/entry_points/" + std::to_string(i);
    for (const auto* section : {"/timer", "/trigger_config"}) {
      const auto pointer = place + section + "/time_zone";
      if (!located || !located->offsets.contains(pointer)) continue;
      found.push_back({workflow::Severity::error, zone.error().code, pointer, located->at(pointer),
                       zone.error().message, zone.error().hint});
    }
  }
  return found;
}

}  // namespace

Result<LoadedWorkflow> load_workflow(const std::string& file, const WorkflowChecks& checks) {
  HILLSTAR_TRY(const auto workspace, current_folder());
  auto text = read_file(file, Errc::workflow_file, kWorkflowBytesMax);
  if (!text && text.error().code == Errc::not_found)
    return Error{Errc::not_found, "There is no such workflow file.", absolute_path(file),
                 "A workflow is one JSON file; `hillstar-actors validate FILE` checks it."};
  if (!text) return text.error();
  auto here = checks;
  here.file = absolute_path(file);
  return check_workflow(std::move(text).value(), workspace, here);
}

Result<LoadedWorkflow> check_workflow(std::string text, const std::string& workspace, const WorkflowChecks& checks) {
  HILLSTAR_TRY(auto loaded, check_one(std::move(text), workspace, checks));
  load_children(loaded, workspace, checks);
  if (workflow::has_errors(loaded.compiled.diagnostics)) loaded.compiled.plan.reset();
  return loaded;
}

Result<LoadedWorkflow> check_one(std::string text, const std::string& workspace, const WorkflowChecks& checks) {
  HILLSTAR_TRY(const auto rules, tools::load_rules(workspace, checks.environment));
  LoadedWorkflow loaded;
  // The text is kept with the run for ever: what opens doors must not be in it.
  loaded.text = workflow::without_literal_keys(std::move(text));
  workflow::CompileOptions options;
  options.strict = checks.strict;
  loaded.compiled = workflow::compile(loaded.text, options);
  if (loaded.compiled.plan) {
    const auto& plan = *loaded.compiled.plan;
    auto& all = loaded.compiled.diagnostics;
    const auto add = [&](std::vector<workflow::Diagnostic> found) {
      all.insert(all.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
    };
    const auto look_up = policy::look_up_in(checks.environment);
    add(check_time_zones(plan, loaded.text));
    add(policy::check_models(plan, loaded.text, checks.registry, try_asking));
    add(policy::check_questions(plan, loaded.text));
    add(policy::check_rules(
        plan, loaded.text,
        {checks.registry, look_up, rules ? *rules : policy::default_rules(), workspace, checks.air_gapped}));
    if (workflow::has_errors(all)) loaded.compiled.plan.reset();
  }
  return loaded;
}

bool show_diagnostics(Output& output, const std::vector<workflow::Diagnostic>& diagnostics, const std::string& file) {
  std::size_t errors = 0;
  for (const auto& diagnostic : diagnostics) {
    const bool is_error = diagnostic.severity == workflow::Severity::error;
    errors += is_error ? 1 : 0;
    const std::string line = visible(workflow::to_string(diagnostic, file));
    output.warn(output.paint(is_error ? Tone::bad : Tone::warning, line));
  }
  if (errors == 0) return true;
  output.say(fmt::format("{}: {} error{}; nothing was run", file, errors, errors == 1 ? "" : "s"));
  if (output.is_json())
    output.data(output.masked(
        Json::of(boost::json::object{
                     {"valid", false}, {"file", file}, {"diagnostics", workflow::to_json(diagnostics, file).value()}})
            .text()));
  return false;
}

}  // namespace hillstar::cli
