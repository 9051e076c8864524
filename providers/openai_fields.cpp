// SPDX-License-Identifier: Apache-2.0
#include "providers/openai_fields.hpp"

#include <boost/json.hpp>
#include <utility>

namespace hillstar::providers {

namespace bj = boost::json;

void put_schema(bj::object& to, const ModelRequest& request) {
  to["name"] = request.schema_name;
  if (request.schema_strict) to["strict"] = *request.schema_strict;
  to["schema"] = request.schema.value();
}

void put_function(bj::object& to, const ModelTool& tool) {
  to["name"] = tool.name;
  if (!tool.description.empty()) to["description"] = tool.description;
  to["parameters"] = tool.parameters.is_null() ? bj::object{{"type", "object"}, {"properties", bj::object{}}}
                                               : tool.parameters.value();
}

void set_tool_choice(RequestBody& body, const ModelRequest& request, std::string_view required, bj::object named) {
  switch (request.tool_choice) {
    case ToolChoiceKind::unset:
      break;
    case ToolChoiceKind::automatic:
      body.set_text("tool_choice", "auto");
      break;
    case ToolChoiceKind::none:
      body.set_text("tool_choice", "none");
      break;
    case ToolChoiceKind::required:
      body.set_text("tool_choice", required);
      break;
    case ToolChoiceKind::named:
      body.set("tool_choice", std::move(named));
      break;
  }
  if (request.parallel_tool_calls) body.set("parallel_tool_calls", bj::value(*request.parallel_tool_calls));
}

}  // namespace hillstar::providers
