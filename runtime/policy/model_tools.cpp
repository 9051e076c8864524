// SPDX-License-Identifier: Apache-2.0
// The second half of model_parameters.hpp: what a model may call, and the shape its reply must have.
#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "runtime/policy/json_schema.hpp"
#include "runtime/policy/model_parameters.hpp"
#include "runtime/policy/model_request.hpp"

namespace hillstar::policy {
namespace {

namespace bj = boost::json;
using json::member;

const std::string kTools = "/parameters/tools";
const std::string kFormat = "/parameters/response_format";

Result<void> check_schema_at(const Json& schema, const std::string& pointer) {
  for (const auto& remark : check_schema(schema))
    if (remark.is_error)
      return Error{Errc::tool_parameters, remark.message + ".", pointer + remark.pointer, remark.hint};
  return {};
}

/// Ours, or OpenAI's with a `function` in it.
Result<ModelTool> read_tool(const bj::value& value, std::string pointer) {
  const auto* described = &value;
  if (const auto* function = member(value, "function")) {
    described = function;
    pointer += "/function";
  }
  if (!described->is_object()) return wrong_parameter(pointer, "an object with name, description and parameters");
  ModelTool tool;
  const auto* name = member(*described, "name");
  if (name == nullptr || !name->is_string() || name->get_string().empty())
    return wrong_parameter(pointer + "/name", "the name of the tool");
  tool.name = std::string(name->get_string());
  if (const auto* text = member(*described, "description")) {
    if (!text->is_string()) return wrong_parameter(pointer + "/description", "text");
    tool.description = std::string(text->get_string());
  }
  if (const auto* schema = member(*described, "parameters")) {
    if (!schema->is_object()) return wrong_parameter(pointer + "/parameters", "a JSON Schema");
    tool.parameters = Json::of(*schema);
    HILLSTAR_CHECK(check_schema_at(tool.parameters, pointer + "/parameters"));
  }
  if (const auto* strict = member(*described, "strict")) {
    if (!strict->is_bool()) return wrong_parameter(pointer + "/strict", "true or false");
    tool.strict = strict->get_bool();
  }
  return tool;
}

/// A word, ours `{"name": ...}`, or OpenAI's `{"type": "function", "function": {"name": ...}}`.
Result<void> put_choice(const bj::value& choice, ModelRequest& request) {
  if (choice == "auto") request.tool_choice = ToolChoiceKind::automatic;
  if (choice == "none") request.tool_choice = ToolChoiceKind::none;
  if (choice == "required" || choice == "any") request.tool_choice = ToolChoiceKind::required;
  const auto* function = member(choice, "function");
  const auto* name = member(function != nullptr ? *function : choice, "name");
  if (name != nullptr && name->is_string()) {
    request.tool_choice = ToolChoiceKind::named;
    request.tool_choice_name = std::string(name->get_string());
  }
  if (request.tool_choice == ToolChoiceKind::unset)
    return wrong_parameter("/parameters/tool_choice", "\"auto\", \"none\", \"required\" or {\"name\": ...}");
  return {};
}

Result<void> put_schema(const bj::value& schema, const std::string& pointer, ModelRequest& request) {
  if (!schema.is_object()) return wrong_parameter(pointer, "a JSON Schema, an object");
  request.format = ReplyFormat::json_schema;
  request.schema = Json::of(schema);
  return check_schema_at(request.schema, pointer);
}

/// OpenAI's `{"name": ..., "strict": ..., "schema": ...}`.
Result<void> put_named_schema(const bj::value& named, ModelRequest& request) {
  const auto pointer = kFormat + "/json_schema";
  const auto* schema = member(named, "schema");
  if (schema == nullptr) return wrong_parameter(pointer, "an object with a schema");
  HILLSTAR_CHECK(put_schema(*schema, pointer + "/schema", request));
  if (const auto* name = member(named, "name")) {
    if (!name->is_string() || name->get_string().empty()) return wrong_parameter(pointer + "/name", "text");
    request.schema_name = std::string(name->get_string());
  }
  if (const auto* strict = member(named, "strict")) {
    if (!strict->is_bool()) return wrong_parameter(pointer + "/strict", "true or false");
    request.schema_strict = strict->get_bool();
  }
  return {};
}

}  // namespace

Result<void> put_tools(const bj::value& given, ModelRequest& request) {
  if (const auto* tools = member(given, "tools")) {
    const auto* list = tools->if_array();
    if (list == nullptr) return wrong_parameter(kTools, "a list of tools");
    if (list->size() > kToolsMax) return wrong_parameter(kTools, "at most " + std::to_string(kToolsMax) + " tools");
    for (std::size_t i = 0; i < list->size(); ++i) {
      HILLSTAR_TRY(auto tool, read_tool((*list)[i], kTools + "/" + std::to_string(i)));
      const bool twice = std::any_of(request.tools.begin(), request.tools.end(),
                                     [&](const ModelTool& other) { return other.name == tool.name; });
      if (twice) return wrong_parameter(kTools + "/" + std::to_string(i) + "/name", "a name that no other tool has");
      request.tools.push_back(std::move(tool));
    }
  }
  if (const auto* choice = member(given, "tool_choice")) HILLSTAR_CHECK(put_choice(*choice, request));
  if (const auto* parallel = member(given, "parallel_tool_calls")) {
    if (!parallel->is_bool()) return wrong_parameter("/parameters/parallel_tool_calls", "true or false");
    request.parallel_tool_calls = parallel->get_bool();
  }
  return {};
}

Result<void> put_format(const bj::value& given, const Backend& backend, ModelRequest& request, bj::object& extra) {
  const auto* schema = member(given, "schema");
  const auto* format = member(given, "response_format");
  if (schema != nullptr && format != nullptr)
    return Error{Errc::tool_parameters, "'schema' and 'response_format' both say what the reply must be.",
                 "/parameters/schema", "Remove one of them."};
  if (schema != nullptr) {
    HILLSTAR_CHECK(put_schema(*schema, "/parameters/schema", request));
    if (is_strict_schema(request.schema)) request.schema_strict = true;
    return {};
  }
  if (format == nullptr) return {};
  const auto* type = member(*format, "type");
  if (type == nullptr || !type->is_string()) return wrong_parameter(kFormat, "an object with a type");
  const auto* bare = member(*format, "schema");
  const auto* named = member(*format, "json_schema");
  if (*type == "text") return {};
  if (*type == "json_schema" && named != nullptr) return put_named_schema(*named, request);
  if ((*type == "json_schema" || *type == "json_object") && bare != nullptr)
    return put_schema(*bare, kFormat + "/schema", request);
  if (*type == "json_schema") return wrong_parameter(kFormat, "an object whose json_schema has a schema");
  if (*type == "json_object") {
    request.format = ReplyFormat::json_object;
    return {};
  }
  // Servers of one's own have formats that nobody else knows, such as grammars.
  if (!backend.adapter.empty() && backend.adapter != "openai_compatible")
    return wrong_parameter(kFormat + "/type", "\"text\", \"json_object\" or \"json_schema\"");
  extra["response_format"] = *format;
  return {};
}

}  // namespace hillstar::policy
