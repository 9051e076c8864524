// SPDX-License-Identifier: Apache-2.0
// `when`, `skip_if` and `until`.
#include <algorithm>
#include <boost/json.hpp>

#include "runtime/workflow/definition_parts.hpp"

namespace hillstar::workflow {
namespace {

namespace bj = boost::json;

constexpr std::string_view kForms =
    "write {\"node\": id, \"contains\": text}, {\"node\": id, \"status\": \"completed\"}, "
    "{\"input\": name, \"equals\": text}, or all_of, any_of, not";
const std::vector<std::string_view>& status_names() {
  static const std::vector<std::string_view> names = {"completed", "failed", "skipped"};
  return names;
}

void collect(const Condition& condition, std::vector<NodeIndex>& out) {
  const auto add = [&](NodeIndex node) {
    if (std::find(out.begin(), out.end(), node) == out.end()) out.push_back(node);
  };
  if (condition.test) add(condition.test->node);
  if (condition.status) add(condition.status->node);
  for (const auto* list : {&condition.all, &condition.any, &condition.none})
    for (const auto& inner : *list) collect(inner, out);
}

}  // namespace

std::vector<NodeIndex> nodes_of(const Condition& condition) {
  std::vector<NodeIndex> nodes;
  collect(condition, nodes);
  return nodes;
}

// Recursion ends where the JSON does, which the parser bounds.
std::optional<Condition> ConditionReader::read(const bj::value& value, const Place& at) {
  const auto* object = as_object(value, at, problems_);
  if (object == nullptr) return std::nullopt;
  const FieldReader condition(*object, at, problems_);
  condition.check_names(Section::condition);
  std::size_t forms = 0;
  for (const auto* form : {"node", "input", "all_of", "any_of", "not"}) forms += object->contains(form) ? 1 : 0;
  if (forms != 1) {
    problems_.error(Errc::workflow_invalid, at.pointer(),
                    forms == 0 ? "condition that asks nothing" : "condition that asks several things at once",
                    std::string(kForms));
    return std::nullopt;
  }
  if (const auto* list = condition.find("all_of")) return read_list(*list, at.key("all_of"), true);
  if (const auto* list = condition.find("any_of")) return read_list(*list, at.key("any_of"), false);
  if (const auto* negated = condition.find("not")) {
    auto inner = read(*negated, at.key("not"));
    if (!inner) return std::nullopt;
    Condition none;
    none.none.push_back(*std::move(inner));
    return none;
  }
  return object->contains("node") ? read_node_question(condition) : read_input_question(condition);
}

std::optional<Condition> ConditionReader::read_list(const bj::value& value, const Place& at, bool all) {
  const auto* array = value.if_array();
  if (array == nullptr || array->empty()) {
    problems_.error(Errc::workflow_invalid, at.pointer(),
                    "expected a list of conditions, found " + (array == nullptr ? kind_of(value) : "an empty one"),
                    std::string(kForms));
    return std::nullopt;
  }
  Condition out;
  auto& list = all ? out.all : out.any;
  for (std::size_t i = 0; i < array->size(); ++i)
    if (auto inner = read((*array)[i], at.element(i))) list.push_back(*std::move(inner));
  if (list.size() != array->size()) return std::nullopt;
  return out;
}

std::optional<Condition> ConditionReader::read_node_question(const FieldReader& condition) {
  const auto id = condition.string("node");
  if (!id) return std::nullopt;
  const auto found = definition_.index.find(*id);
  if (found == definition_.index.end()) {
    const auto at = condition.place().key("node");
    problems_.error(Errc::workflow_invalid, at.pointer(), "there is no node '" + *id + "'",
                    definition_.suggest_node(*id, problems_));
    return std::nullopt;
  }
  Condition out;
  if (condition.find("status") != nullptr) {
    const auto status = condition.word("status", status_names());
    if (!status) return std::nullopt;
    out.status = StatusTest{found->second, static_cast<NodeEnd>(*status)};
    return out;
  }
  if (definition_.nodes[found->second].for_each != nullptr) {
    problems_.error(Errc::workflow_invalid, condition.place().key("node").pointer(),
                    "'" + *id + "' runs over a list, so it has no one text to ask about",
                    "ask its 'status', or a node behind it that reads '{{ " + *id + ".output }}'");
    return std::nullopt;
  }
  auto test = read_test(condition);
  if (!test) return std::nullopt;
  auto& tests = definition_.nodes[found->second].draft.tests;
  const int kind = test->equals ? 0 : test->contains ? 1 : 2;
  const auto& text = test->equals ? *test->equals : test->contains ? *test->contains : *test->not_contains;
  const auto next = static_cast<std::uint32_t>(tests.size());
  const auto [entry, is_new] = known_tests_.try_emplace(TestKey{found->second, kind, text}, next);
  if (is_new) tests.push_back(*std::move(test));
  out.test = NodeTest{found->second, entry->second};
  return out;
}

std::optional<Condition> ConditionReader::read_input_question(const FieldReader& condition) {
  const auto name = condition.string("input");
  if (!name) return std::nullopt;
  const auto names = definition_.input_names();
  if (std::find(names.begin(), names.end(), *name) == names.end()) {
    const auto at = condition.place().key("input");
    problems_.error(Errc::workflow_invalid, at.pointer(), "the workflow declares no input '" + *name + "'",
                    problems_.suggest(*name, names));
    return std::nullopt;
  }
  auto test = read_test(condition);
  if (!test) return std::nullopt;
  Condition out;
  out.input = InputTest{*name, *std::move(test)};
  return out;
}

std::optional<Test> ConditionReader::read_test(const FieldReader& condition) {
  // The first that is there is asked, as Hillstar does; a test holds exactly one.
  const char* asked = nullptr;
  Test test;
  for (const auto& [name, slot] : {std::pair{"equals", &test.equals}, std::pair{"contains", &test.contains},
                                   std::pair{"not_contains", &test.not_contains}}) {
    if (condition.find(name) == nullptr) continue;
    if (asked != nullptr) {
      const auto at = condition.place().key(name);
      problems_.warning(at.pointer(), "'" + std::string(name) + "' is not asked beside '" + asked + "'",
                        "join two conditions with all_of");
      continue;
    }
    asked = name;
    *slot = condition.string(name);
    if (!*slot) return std::nullopt;
  }
  if (asked != nullptr) return test;
  problems_.error(Errc::workflow_invalid, condition.place().pointer(),
                  "condition without contains, not_contains or equals", std::string(kForms));
  return std::nullopt;
}

}  // namespace hillstar::workflow
