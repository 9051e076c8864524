// SPDX-License-Identifier: Apache-2.0
// Nodes that wait to be told something: `input` asks a person for a value, `signal` waits for a signal.
#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <map>
#include <utility>

#include "runtime/workflow/definition_parts.hpp"

namespace hillstar::workflow {
namespace {

namespace bj = boost::json;

constexpr Range kWholeSeconds{0.001, 31'536'000, "seconds"};
constexpr std::size_t kNameBytesMax = 128;

/// A name that a person types, and that no item of a map can be taken for.
void check_talk_name(const FieldReader& parameters, std::string_view field) {
  const auto name = parameters.string(field);
  if (!name) return;
  const auto at = parameters.place().key(field);
  const bool clean = std::none_of(name->begin(), name->end(), [](unsigned char c) {
    return c <= ' ' || c == 0x7f || c == '[' || c == ']' || c == '@' || c == '/';
  });
  if (name->empty() || name->size() > kNameBytesMax || !clean)
    parameters.problems().error(Errc::tool_parameters, at.pointer(),
                                "expected a name of 1 to 128 bytes without spaces and without [ ] @ /");
}

}  // namespace

void read_talk(const FieldReader& node, PlanNode& draft) {
  const bool asks = draft.tool == "input";
  for (const auto* name : {"input", "parallel", "cwd", "outputs", "effect", "retry", "provider", "model"}) {
    const auto at = node.place().key(name);
    if (node.find(name) != nullptr)
      node.problems().warning(at.pointer(), "'" + std::string(name) + "' has no effect here: node '" + draft.id.str() +
                                                "' does nothing but wait");
  }
  draft.effect = Effect::none;
  // No attempt is ever made: the only time that counts is the whole one.
  if (const auto whole = std::exchange(draft.start_to_close, std::nullopt)) draft.schedule_to_close = whole;
  const auto* object = node.find("parameters");
  if (object == nullptr || !object->is_object()) return;
  const auto at = node.place().key("parameters");
  const FieldReader parameters(object->get_object(), at, node.problems());
  parameters.check_names(asks ? Section::input_parameters : Section::signal_parameters);
  check_talk_name(parameters, asks ? "request" : "name");
  if (const auto seconds = parameters.number("timeout", kWholeSeconds)) {
    const auto timeout_at = at.key("timeout");
    if (draft.schedule_to_close)
      node.problems().error(Errc::workflow_invalid, timeout_at.pointer(),
                            "the time to wait is given twice: here, and in 'timeout' of the node");
    draft.schedule_to_close = Millis(static_cast<std::int64_t>(std::llround(*seconds * 1000)));
  }
  const auto schema_at = at.key("schema");
  const auto* schema = parameters.find("schema");
  if (asks && schema != nullptr && !schema->is_object() && !schema->is_bool())
    node.problems().error(Errc::json_type, schema_at.pointer(), "expected a JSON Schema, found " + kind_of(*schema),
                          "such as {\"type\": \"string\"}");
}

void check_requests(const Definition& definition, Problems& problems) {
  std::map<std::string, const PlanNode*> names;
  for (const auto& node : definition.nodes)
    if (node.draft.tool == "input") names.emplace(node.draft.id.str(), &node.draft);
  for (const auto& node : definition.nodes) {
    if (node.draft.tool != "input") continue;
    const auto parameters = node.draft.parameters.value();
    const auto* request = json::member(parameters, "request");
    if (request == nullptr || !request->is_string()) continue;
    const auto [other, added] = names.emplace(std::string(request->get_string()), &node.draft);
    if (!added && other->second != &node.draft)
      problems.error(Errc::workflow_invalid,
                     "/graph/nodes/" + json::pointer_token(node.draft.id.str()) + "/parameters/request",
                     "node '" + other->second->id.str() + "' asks under this name already",
                     "an answer names one question: choose another 'request'");
  }
}

}  // namespace hillstar::workflow
