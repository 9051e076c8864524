// SPDX-License-Identifier: Apache-2.0
// One node: its fields, defaults and what its tool needs.
#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "messages/json_codec.hpp"
#include "runtime/workflow/definition_parts.hpp"
#include "runtime/workflow/did_you_mean.hpp"

namespace hillstar::workflow {
namespace {

namespace bj = boost::json;

constexpr Range kAttempts{1, 1000, "attempts"};
constexpr Range kWaitSeconds{0, 86'400, "seconds"};
constexpr Range kFactor{1, 100};
constexpr Range kTimeoutSeconds{0.001, 31'536'000, "seconds"};
constexpr Range kItems{1, 1'000'000, "items"};
/// Hillstar's timeout of scripts; model calls get the same.
constexpr Millis kTimeoutDefault{1'800'000};

Millis millis(double seconds) { return Millis(static_cast<std::int64_t>(std::llround(seconds * 1000))); }

bool is_tool(std::string_view tool, const CompileOptions& options) {
  const auto& names = tool_names();
  return std::find(names.begin(), names.end(), tool) != names.end() ||
         std::find(options.tools.begin(), options.tools.end(), tool) != options.tools.end();
}

std::string read_tool(const FieldReader& node, const CompileOptions& options) {
  if (node.find("tool") == nullptr) {
    node.missing("tool", "write " + one_of(tool_names()));
    return {};
  }
  auto tool = node.string("tool").value_or("");
  if (tool.empty() || is_tool(tool, options)) return tool;
  const auto at = node.place().key("tool");
  auto hint = node.problems().suggest(tool, tool_names());
  if (hint.empty()) hint = "write " + one_of(tool_names());
  node.problems().error(Errc::tool_unknown, at.pointer(), "there is no tool '" + tool + "'", std::move(hint));
  return tool;
}

/// Waits of 30, 60 and 120 seconds are those of Hillstar's model calls.
RetryPolicy default_retry(std::string_view tool) {
  RetryPolicy retry;
  if (tool != "model_call") return retry;
  retry.attempts = 4;
  retry.backoff = Millis(30'000);
  retry.cap = Millis(120'000);
  return retry;
}

std::vector<FailureClass> read_failure_classes(const FieldReader& retry) {
  static const auto names = [] {
    std::vector<std::string_view> out;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<FailureClass>>(
        [&](auto entry) { out.emplace_back(entry.name); });
    return out;
  }();
  std::vector<FailureClass> classes;
  const auto* list = retry.array("on");
  if (list == nullptr) return classes;
  const auto at = retry.place().key("on");
  for (std::size_t i = 0; i < list->size(); ++i) {
    if (!word_of((*list)[i], names, at.element(i), retry.problems())) continue;
    FailureClass kind{};
    const std::string word((*list)[i].get_string());
    boost::describe::enum_from_string(word.c_str(), kind);
    if (std::find(classes.begin(), classes.end(), kind) == classes.end()) classes.push_back(kind);
  }
  return classes;
}

RetryPolicy read_retry(const FieldReader& node, std::string_view tool) {
  auto policy = default_retry(tool);
  const auto* value = node.find("retry");
  if (value == nullptr) return policy;
  const auto at = node.place().key("retry");
  if (value->is_number()) {
    if (const auto attempts = integer_of(*value, kAttempts, at, node.problems()))
      policy.attempts = static_cast<std::uint32_t>(*attempts);
    return policy;
  }
  const auto* object = as_object(*value, at, node.problems());
  if (object == nullptr) return policy;
  const FieldReader retry(*object, at, node.problems());
  retry.check_names(Section::retry);
  if (const auto attempts = retry.integer("attempts", kAttempts))
    policy.attempts = static_cast<std::uint32_t>(*attempts);
  if (const auto wait = retry.number("backoff", kWaitSeconds)) policy.backoff = millis(*wait);
  if (const auto factor = retry.number("factor", kFactor))
    policy.factor_permille = static_cast<std::uint32_t>(std::llround(*factor * 1000));
  const auto cap = retry.number("cap", kWaitSeconds);
  if (cap) policy.cap = millis(*cap);
  if (policy.cap < policy.backoff) {
    const auto cap_at = at.key("cap");
    if (cap)
      node.problems().warning(cap_at.pointer(), "'cap' is shorter than 'backoff': every wait is 'cap' long");
    else
      policy.cap = policy.backoff;
  }
  policy.jitter = retry.boolean("jitter").value_or(policy.jitter);
  policy.on = read_failure_classes(retry);
  return policy;
}

void read_timeout(const FieldReader& node, PlanNode& draft) {
  if (draft.tool == "script_run" || draft.tool == "model_call") draft.start_to_close = kTimeoutDefault;
  const auto* value = node.find("timeout");
  if (value == nullptr) return;
  const auto at = node.place().key("timeout");
  if (!value->is_object()) {
    if (const auto seconds = number_of(*value, kTimeoutSeconds, at, node.problems()))
      draft.start_to_close = millis(*seconds);
    return;
  }
  const FieldReader timeout(value->get_object(), at, node.problems());
  timeout.check_names(Section::timeout);
  if (const auto seconds = timeout.number("start_to_close", kTimeoutSeconds)) draft.start_to_close = millis(*seconds);
  if (const auto seconds = timeout.number("queue", kTimeoutSeconds)) draft.queue_timeout = millis(*seconds);
  if (const auto seconds = timeout.number("schedule_to_close", kTimeoutSeconds))
    draft.schedule_to_close = millis(*seconds);
  if (draft.start_to_close && draft.schedule_to_close && timeout.find("start_to_close") != nullptr &&
      *draft.schedule_to_close < *draft.start_to_close) {
    const auto whole_at = at.key("schedule_to_close");
    node.problems().warning(whole_at.pointer(),
                            "'schedule_to_close' is shorter than 'start_to_close': no attempt gets that long");
  }
}

void read_map(const FieldReader& node, NodeDefinition& definition) {
  const auto* list = node.find("for_each");
  if (list == nullptr) {
    for (const auto* name : {"parallel", "min_success"}) {
      const auto at = node.place().key(name);
      if (node.find(name) != nullptr)
        node.problems().error(Errc::workflow_invalid, at.pointer(),
                              "'" + std::string(name) + "' has a meaning beside 'for_each' only");
    }
    return;
  }
  const auto at = node.place().key("for_each");
  if (!list->is_string() && !list->is_array())
    node.problems().error(Errc::json_type, at.pointer(), "expected a template or an array, found " + kind_of(*list));
  if (definition.draft.tool == "checkpoint")
    node.problems().error(Errc::workflow_invalid, at.pointer(), "a checkpoint cannot be repeated over a list");
  definition.for_each = list;
  MapSpec map;
  if (const auto parallel = node.integer("parallel", kItems)) map.parallel = static_cast<std::uint32_t>(*parallel);
  if (const auto least = node.integer("min_success", {0, 1'000'000, "items"}))
    map.min_success = static_cast<std::uint32_t>(*least);
  definition.draft.map = std::move(map);
}

/// `parameters.<name>`, which the tool cannot do without, as a string that is not empty.
void require_parameter(const FieldReader& node, const bj::object* parameters, std::string_view name) {
  const auto* value = parameters == nullptr ? nullptr : parameters->if_contains(name);
  const auto parameters_at = node.place().key("parameters");
  if (value == nullptr) {
    std::string hint;
    if (node.find(name) != nullptr) {
      hint = "move '" + std::string(name) + "' into 'parameters'";
    } else if (parameters != nullptr) {
      std::vector<std::string_view> keys;
      for (const auto& [key, unused] : *parameters) keys.emplace_back(key.data(), key.size());
      if (!did_you_mean(name, keys).empty()) hint = "is one of the parameters misspelt?";
    }
    const auto at = parameters == nullptr ? node.place().pointer() : parameters_at.pointer();
    node.problems().error(Errc::tool_parameters, at, "parameter '" + std::string(name) + "' is missing", hint);
  } else if (!value->is_string() || value->get_string().empty()) {
    node.problems().error(
        Errc::tool_parameters, parameters_at.key(name).pointer(),
        "expected a string that is not empty, found " + (value->is_string() ? "an empty one" : kind_of(*value)));
  }
}

/// What is certain to fail at run time is refused now.
void check_tool(const FieldReader& node, const NodeDefinition& definition) {
  const auto& tool = definition.draft.tool;
  const auto* value = node.find("parameters");
  const auto* parameters = value == nullptr ? nullptr : value->if_object();
  if (tool == "script_run") require_parameter(node, parameters, "script");
  if (tool == "git_commit") require_parameter(node, parameters, "message");
  if (tool == "file_write") require_parameter(node, parameters, "path");
  if (tool == "input") require_parameter(node, parameters, "prompt");
  if (tool == "workflow_run") require_parameter(node, parameters, "workflow");
  if (tool == "file_read" && definition.input == nullptr) require_parameter(node, parameters, "path");
  if (tool == "file_write" && definition.input == nullptr)
    node.missing("input", parameters != nullptr && parameters->contains("content")
                              ? "write the text as 'input': 'parameters.content' is not read"
                              : "'input' is what is written to the file");
  if (!definition.draft.outputs.empty() && tool != "model_call") {
    const auto at = node.place().key("outputs");
    node.problems().warning(at.pointer(), "'outputs' has no effect here: only model_call writes them");
  }
}

void read_outputs(const FieldReader& node, PlanNode& draft) {
  const auto* outputs = node.object("outputs");
  if (outputs == nullptr) return;
  const auto at = node.place().key("outputs");
  for (const auto& [key, value] : *outputs) {
    if (const auto* path = value.if_string(); path != nullptr && !path->empty())
      draft.outputs.emplace(key, *path);
    else
      node.problems().error(Errc::json_type, at.key({key.data(), key.size()}).pointer(),
                            "expected the path of a file, found " + kind_of(value));
  }
}

void read_words(const FieldReader& node, PlanNode& draft) {
  static const std::vector<std::string_view> kEffects = {"none", "repeatable", "once"};
  static const std::vector<std::string_view> kOnError = {"fail", "continue", "skip_dependents"};
  draft.effect = draft.tool == "file_read" || draft.tool == "checkpoint" ? Effect::none : Effect::repeatable;
  if (const auto effect = node.word("effect", kEffects)) draft.effect = static_cast<Effect>(*effect);
  if (const auto on_error = node.word("on_error", kOnError)) draft.on_error = static_cast<OnError>(*on_error);
}

/// A word that is none of them changes nothing, as it always did.
std::optional<std::string> read_complexity(const FieldReader& node) {
  for (const auto* name : {"complexity", "task_type"}) {
    const auto* value = node.find(name);
    if (value == nullptr || !value->is_string()) continue;
    const std::string word(value->get_string());
    const auto& grades = complexities();
    if (std::find(grades.begin(), grades.end(), word) != grades.end()) return word;
    if (name == std::string_view("complexity"))
      node.problems().warning(node.place().key(name).pointer(), "unknown complexity '" + word + "' has no effect",
                              "write " + one_of(grades));
  }
  return std::nullopt;
}

/// A checkpoint that shows a prompt, or says so, asks a person before the run goes on.
bool asks_person(const PlanNode& draft, const bj::object* parameters) {
  if (draft.tool != "checkpoint" || parameters == nullptr) return false;
  const auto* approval = parameters->if_contains("approval");
  return parameters->contains("prompt") || (approval != nullptr && approval->is_bool() && approval->get_bool());
}

}  // namespace

NodeDefinition read_node(std::string_view id, const FieldReader& node, const CompileOptions& options) {
  NodeDefinition definition;
  auto& draft = definition.draft;
  node.check_names(Section::node);
  draft.id = NodeId(std::string(id));
  draft.tool = read_tool(node, options);
  definition.input = node.find("input");
  if (definition.input != nullptr && definition.input->is_null()) definition.input = nullptr;
  const auto* parameters = node.object("parameters");
  draft.parameters = Json::of(parameters == nullptr ? bj::value(bj::object()) : bj::value(*parameters));
  read_outputs(node, draft);
  draft.provider = node.string("provider").value_or("");
  draft.model = node.string("model").value_or("");
  if (draft.tool == "model_call") draft.complexity = read_complexity(node);
  draft.cwd = node.string("cwd").value_or("");
  read_words(node, draft);
  draft.retry = read_retry(node, draft.tool);
  read_timeout(node, draft);
  read_map(node, definition);
  if (asks_person(draft, parameters)) draft.permission = Permission::ask;
  read_governance(node, draft);
  read_placement(node, draft);
  check_tool(node, definition);
  if (draft.tool == "model_call") read_model_call(node, draft);
  if (draft.tool == "input" || draft.tool == "signal") read_talk(node, draft);
  if (draft.tool == "workflow_run") read_workflow_run(node, draft);
  if (draft.tool == "state") read_state(node);
  return definition;
}

std::string lane_of(const FieldReader& node, const PlanNode& draft, const bj::object* model_config) {
  bool single = false;
  for (const auto* name : {"singleClient", "single_client"}) single = node.boolean(name).value_or(false) || single;
  const auto* customs = model_config == nullptr ? nullptr : model_config->if_contains("custom_providers");
  const auto* custom = customs == nullptr || !customs->is_object() || draft.provider.empty()
                           ? nullptr
                           : customs->get_object().if_contains(draft.provider);
  const auto custom_field = [&](std::string_view name) -> const bj::value* {
    return custom == nullptr || !custom->is_object() ? nullptr : custom->get_object().if_contains(name);
  };
  for (const auto* name : {"singleClient", "single_client"})
    if (const auto* value = custom_field(name)) single = single || (value->is_bool() && value->get_bool());
  std::string named;
  for (const auto* name : {"backend_id", "backendId", "backend"})
    if (const auto text = node.string(name); text && named.empty()) named = *text;
  if (!single) return {};
  for (const auto* name : {"backend_id", "backendId", "endpoint"}) {
    const auto* value = custom_field(name);
    if (named.empty() && value != nullptr && value->is_string()) named = value->get_string();
  }
  return named.empty() ? draft.provider + ":" + draft.model : named;
}

}  // namespace hillstar::workflow
