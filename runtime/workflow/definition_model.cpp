// SPDX-License-Identifier: Apache-2.0
// The names in the parameters and the input of a model_call, and how often its reply may be mended. Whether the values
// are right depends on who is asked: runtime/policy/model_check.hpp.
#include <boost/json.hpp>

#include "runtime/workflow/definition_parts.hpp"
#include "runtime/workflow/references.hpp"

namespace hillstar::workflow {
namespace {

namespace bj = boost::json;

constexpr Range kRepairs{0, 5};
constexpr std::uint32_t kRepairsDefault = 1;

/// Names only: other types are told of elsewhere.
void check_names(const bj::value* value, Section section, const Place& at, Problems& problems) {
  if (value != nullptr && value->is_object()) FieldReader(value->get_object(), at, problems).check_names(section);
}

void check_names_in(const bj::value* list, Section section, const Place& at, Problems& problems) {
  if (list == nullptr || !list->is_array()) return;
  for (std::size_t i = 0; i < list->get_array().size(); ++i)
    check_names(&list->get_array()[i], section, at.element(i), problems);
}

bool asks_for_json(const FieldReader& parameters) {
  if (const auto* schema = parameters.find("schema"); schema != nullptr && !schema->is_null()) return true;
  const auto* format = parameters.find("response_format");
  const auto* type = format == nullptr || !format->is_object() ? nullptr : format->get_object().if_contains("type");
  return type != nullptr && (*type == "json_object" || *type == "json_schema");
}

void check_conversation(const bj::value& input, const Place& at, Problems& problems) {
  const auto* object = input.if_object();
  const auto* messages = object == nullptr ? nullptr : object->if_contains("messages");
  if (messages == nullptr) return;
  const bool refers = messages->is_string() && !find_references(messages->get_string()).empty();
  if (!messages->is_array() && !refers) return;
  const FieldReader conversation(*object, at, problems);
  conversation.check_names(Section::conversation);
  const auto messages_at = at.key("messages");
  check_names_in(messages, Section::turn, messages_at, problems);
  for (std::size_t i = 0; messages->is_array() && i < messages->get_array().size(); ++i) {
    const auto* turn = messages->get_array()[i].if_object();
    const auto turn_at = messages_at.element(i);
    const auto content_at = turn_at.key("content");
    if (turn != nullptr) check_names_in(turn->if_contains("content"), Section::content_part, content_at, problems);
  }
}

}  // namespace

void read_model_call(const FieldReader& node, PlanNode& draft) {
  const auto input_at = node.place().key("input");
  if (const auto* input = node.find("input")) check_conversation(*input, input_at, node.problems());
  const auto* object = node.find("parameters");
  if (object == nullptr || !object->is_object()) return;
  const auto at = node.place().key("parameters");
  const FieldReader parameters(object->get_object(), at, node.problems());
  parameters.check_names(Section::model_parameters);
  const auto images_at = at.key("images");
  const auto tools_at = at.key("tools");
  check_names_in(parameters.find("images"), Section::image, images_at, node.problems());
  check_names_in(parameters.find("tools"), Section::tool, tools_at, node.problems());
  const auto repairs = parameters.integer("repair", kRepairs);
  if (asks_for_json(parameters)) {
    draft.repairs = static_cast<std::uint32_t>(repairs.value_or(kRepairsDefault));
  } else if (repairs) {
    const auto repair_at = at.key("repair");
    node.problems().warning(repair_at.pointer(), "'repair' has a meaning beside 'schema' or 'response_format' only");
  }
}

}  // namespace hillstar::workflow
