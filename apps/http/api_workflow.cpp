// SPDX-License-Identifier: Apache-2.0
#include "apps/http/api_workflow.hpp"

#include <algorithm>
#include <filesystem>

#include "apps/cli/workflow_file.hpp"
#include "runtime/telemetry/trace_context.hpp"
#include "runtime/workflow/compile.hpp"

namespace hillstar::http {

namespace bj = boost::json;

Result<CheckedWorkflow> compile_given(Api& api, GivenWorkflow given, bj::object& remarks) {
  const auto& parts = api.parts;
  HILLSTAR_TRY(auto loaded, cli::check_workflow(std::move(given.text), given.workspace,
                                                {false, *parts.registry, parts.environment, given.air_gapped}));
  if (!loaded.compiled.plan) {
    remarks["diagnostics"] = workflow::to_json(loaded.compiled.diagnostics, given.file).value();
    std::size_t errors = 0;
    for (const auto& found : loaded.compiled.diagnostics) errors += found.severity == workflow::Severity::error ? 1 : 0;
    return Error{
        Errc::workflow_invalid,
        "The workflow has " + std::to_string(errors) + (errors == 1 ? " error" : " errors") + "; nothing was started.",
        given.file, "`diagnostics` lists them."};
  }
  CheckedWorkflow checked;
  checked.text = std::move(loaded.text);
  for (const auto& folder : loaded.compiled.plan->file_access)
    checked.allow_paths.push_back((std::filesystem::path(given.workspace) / folder).lexically_normal().string());
  checked.plan = std::make_shared<const workflow::Plan>(*std::move(loaded.compiled.plan));
  return checked;
}

Result<Json> resolve_given(const workflow::Plan& plan, const std::optional<Json>& inputs, bj::object& remarks) {
  auto resolved = workflow::resolve_inputs(plan, {}, inputs.value_or(Json()));
  if (!workflow::has_errors(resolved.diagnostics)) return std::move(resolved.values);
  remarks["diagnostics"] = workflow::to_json(resolved.diagnostics, "").value();
  return Error{Errc::inputs_invalid,
               "The inputs do not fit the workflow: " + resolved.diagnostics.front().message + ".",
               resolved.diagnostics.front().pointer, resolved.diagnostics.front().hint};
}

Result<void> check_labels(const std::map<std::string, std::string>& labels,
                          const std::optional<std::string>& correlation) {
  if (labels.size() > kLabelsMax)
    return Error{Errc::json_type, "A run has at most " + std::to_string(kLabelsMax) + " labels.", "/labels", {}};
  for (const auto& [name, value] : labels)
    if (name.empty() || name.size() > kLabelBytesMax || value.size() > kLabelBytesMax ||
        name.find('=') != std::string::npos)
      return Error{Errc::json_type,
                   "A label's name and value have at most 256 bytes, the name at least one and no =.",
                   "/labels/" + json::pointer_token(name.substr(0, kLabelBytesMax)),
                   {}};
  if (correlation && (correlation->empty() || correlation->size() > kLabelBytesMax))
    return Error{Errc::json_type, "Expected 1 to 256 bytes.", "/correlation", {}};
  return {};
}

Result<std::optional<std::string>> idempotency_key(const Request& request) {
  const auto key = request.header("idempotency-key");
  if (!key) return std::optional<std::string>();
  const bool printable = std::all_of(key->begin(), key->end(), [](char c) { return c > ' ' && c < 0x7F; });
  if (key->empty() || key->size() > kKeyBytesMax || !printable)
    return Error{Errc::usage, "Expected 1 to 255 printable characters.", "Idempotency-Key", {}};
  return std::optional(std::string(*key));
}

std::optional<std::string> trace_of(const Request& request) {
  const auto header = request.header("traceparent");
  const auto trace = header ? telemetry::read_traceparent(*header) : std::nullopt;
  return trace ? std::optional(telemetry::to_traceparent(*trace)) : std::nullopt;
}

}  // namespace hillstar::http
