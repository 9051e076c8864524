// SPDX-License-Identifier: Apache-2.0
#include "runtime/tools/standard_tools.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

namespace hillstar::tools {
namespace {

/// All names that we set; none of them is inherited.
constexpr std::array<std::string_view, 13> kOwnNames{
    "HILLSTAR_OUTPUT_DIR",      "HILLSTAR_TRACES_DIR", "HILLSTAR_LOGS_DIR", "HILLSTAR_CHECKPOINTS_DIR",
    "HILLSTAR_DATA_STORES_DIR", "HILLSTAR_AUDIT_DIR",  "HILLSTAR_STEP",     "HILLSTAR_WORKFLOW_ID",
    "HILLSTAR_RUN_ID",          "HILLSTAR_NODE_ID",    "HILLSTAR_ATTEMPT",  "HILLSTAR_IDEMPOTENCY_KEY",
    "HILLSTAR_ATTEMPT_KEY"};

FailureClass class_of(Errc code) {
  switch (code) {
    case Errc::path_refused:
      return FailureClass::path_refused;
    case Errc::not_found:
      return FailureClass::not_found;
    case Errc::permission_denied:
    case Errc::sandbox_refused:
      return FailureClass::permission;
    case Errc::tool_parameters:
      return FailureClass::invalid_input;
    case Errc::output_limit:
      return FailureClass::output_limit;
    default:
      return FailureClass::io;
  }
}

Error parameter_error(const ToolCall& call, std::string_view name, std::string_view expected) {
  return Error(Errc::tool_parameters,
               call.tool + ": parameters." + std::string(name) + " must be " + std::string(expected));
}

Result<std::string> text_of(const ToolCall& call, std::string_view name, const boost::json::value& value) {
  if (!value.is_string()) return parameter_error(call, name, "a string");
  std::string text(value.get_string());
  if (text.find('\0') != std::string::npos) return parameter_error(call, name, "free of NUL characters");
  return text;
}

/// Null if the parameter is absent or null.
boost::json::value parameter(const ToolCall& call, std::string_view name) {
  const auto parameters = call.parameters.value();
  if (!parameters.is_object()) return nullptr;
  const auto* found = parameters.get_object().if_contains(name);
  return found == nullptr ? boost::json::value(nullptr) : *found;
}

}  // namespace

std::string_view input_text(const workflow::Rendered& input) {
  if (input.is_null) return {};
  if (input.is_text) return input.text;
  constexpr std::array<std::string_view, 5> kFalsy{"0", "false", "null", "[]", "{}"};
  const bool is_falsy = std::find(kFalsy.begin(), kFalsy.end(), input.text) != kFalsy.end();
  return is_falsy ? std::string_view() : input.text;
}

Result<std::string> string_parameter(const ToolCall& call, std::string_view name) {
  const auto value = parameter(call, name);
  if (value.is_null()) return std::string();
  return text_of(call, name, value);
}

Result<bool> bool_parameter(const ToolCall& call, std::string_view name) {
  const auto value = parameter(call, name);
  if (value.is_null()) return false;
  if (!value.is_bool()) return parameter_error(call, name, "true or false");
  return value.get_bool();
}

Result<std::vector<std::string>> list_parameter(const ToolCall& call, std::string_view name) {
  const auto value = parameter(call, name);
  std::vector<std::string> result;
  if (value.is_null()) return result;
  if (!value.is_array()) return parameter_error(call, name, "a list of strings");
  for (const auto& element : value.get_array()) {
    HILLSTAR_TRY(std::string text, text_of(call, name, element));
    result.push_back(std::move(text));
  }
  return result;
}

FileAccess file_access(const RunContext& run) { return FileAccess(run.workspace, run.allow_paths); }

std::vector<std::string> tool_environment(const ToolCall& call, const RunContext& run) {
  return tool_environment(call, run, run.environment);
}

std::vector<std::string> tool_environment(const ToolCall& call, const RunContext& run,
                                          const std::vector<std::string>& inherited) {
  std::vector<std::string> result;
  result.reserve(inherited.size() + kOwnNames.size());
  for (const auto& entry : inherited) {
    const std::string_view name = std::string_view(entry).substr(0, entry.find('='));
    const bool is_stale = !call.trace.empty() && (name == "TRACEPARENT" || name == "TRACESTATE");
    if (!is_stale && std::find(kOwnNames.begin(), kOwnNames.end(), name) == kOwnNames.end()) result.push_back(entry);
  }
  if (!run.output_dir.empty()) {
    const auto& out = run.output_dir;
    result.push_back("HILLSTAR_OUTPUT_DIR=" + out);
    result.push_back("HILLSTAR_TRACES_DIR=" + out + "/traces");
    result.push_back("HILLSTAR_LOGS_DIR=" + out + "/logs");
    result.push_back("HILLSTAR_CHECKPOINTS_DIR=" + out + "/checkpoints");
    result.push_back("HILLSTAR_DATA_STORES_DIR=" + out + "/data_stores");
    result.push_back("HILLSTAR_AUDIT_DIR=" + out + "/audit" + (run.step.empty() ? "" : "/step_" + run.step));
  }
  if (!run.step.empty()) result.push_back("HILLSTAR_STEP=" + run.step);
  result.push_back("HILLSTAR_WORKFLOW_ID=" + run.workflow);
  result.push_back("HILLSTAR_RUN_ID=" + run.run);
  result.push_back("HILLSTAR_NODE_ID=" + call.node);
  result.push_back("HILLSTAR_ATTEMPT=" + std::to_string(call.attempt));
  result.push_back("HILLSTAR_IDEMPOTENCY_KEY=" + call.idempotency_key);
  result.push_back("HILLSTAR_ATTEMPT_KEY=" + call.attempt_key);
  if (!call.trace.empty()) result.push_back("TRACEPARENT=" + call.trace);
  return result;
}

ToolReply cancelled() {
  ToolReply reply;
  reply.cancelled = true;
  return reply;
}

ToolReply failed(FailureClass kind, std::string message) {
  ToolReply reply;
  message = json::to_utf8(message);
  reply.result.json = Json::of(boost::json::object{{"error", message}});
  reply.failure = Failure{kind, std::move(message), {}};
  return reply;
}

ToolReply failed(const Error& error) {
  if (error.hint.empty()) return failed(class_of(error.code), error.message);
  return failed(class_of(error.code), error.message + (error.message.ends_with('.') ? " " : ". ") + error.hint);
}

}  // namespace hillstar::tools
