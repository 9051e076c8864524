// SPDX-License-Identifier: Apache-2.0
// Top-level parts that are not the graph: inputs and model_config.
#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "messages/json_codec.hpp"
#include "runtime/workflow/definition_parts.hpp"

namespace hillstar::workflow {
namespace {

namespace bj = boost::json;

constexpr Range kAmount{0, 1e9, "US dollars"};

std::string_view view(const bj::string_view& text) { return {text.data(), text.size()}; }

void check_budget(const FieldReader& config) {
  const auto* object = config.object("budget");
  if (object == nullptr) return;
  const auto at = config.place().key("budget");
  const FieldReader budget(*object, at, config.problems());
  budget.check_names(Section::budget);
  const auto task = budget.number("max_per_task_usd", kAmount);
  const auto workflow = budget.number("max_workflow_usd", kAmount);
  (void)budget.number("max_all_runs_usd", kAmount);
  (void)budget.number("max_per_day_usd", kAmount);
  (void)budget.word("on_exhausted", on_exhausted());
  if (task && workflow && *workflow > 0 && *task > *workflow) {
    const auto task_at = at.key("max_per_task_usd");
    config.problems().error(Errc::workflow_invalid, task_at.pointer(), "one task may cost more than the whole workflow",
                            "'max_per_task_usd' must not exceed 'max_workflow_usd'");
  }
}

void check_preferences(const FieldReader& config) {
  if (const auto* single = config.find("provider_preference"))
    strings_of(*single, config.place().key("provider_preference"), config.problems());
  const auto* object = config.object("provider_preferences");
  if (object == nullptr) return;
  const auto at = config.place().key("provider_preferences");
  const FieldReader preferences(*object, at, config.problems());
  preferences.check_names(Section::provider_preferences);
  (void)preferences.strings("priority");
  const auto allowed = preferences.strings("allowlist");
  const auto blocked = preferences.strings("blocklist");
  const auto blocklist_at = at.key("blocklist");
  for (const auto& name : allowed)
    if (std::find(blocked.begin(), blocked.end(), name) != blocked.end())
      config.problems().error(Errc::workflow_invalid, blocklist_at.pointer(),
                              "provider '" + name + "' is both in 'allowlist' and in 'blocklist'");
}

void check_sampling(const FieldReader& config) {
  const auto* object = config.object("sampling_params");
  if (object == nullptr) return;
  const auto at = config.place().key("sampling_params");
  const FieldReader sampling(*object, at, config.problems());
  sampling.check_names(Section::sampling_params);
  (void)sampling.number("temperature", {0, 2});
  (void)sampling.integer("max_tokens", {1, 1e9, "tokens"});
  (void)sampling.number("top_p", {0, 1});
}

void check_program(const FieldReader& custom) {
  (void)custom.boolean("local");
  const auto* command = custom.array("command");
  const auto at = custom.place().key("command");
  if (custom.find("command") == nullptr)
    custom.missing("command", "write \"command\": [\"python3\", \"ask.py\"]");
  else if (command != nullptr && (command->empty() || command->at(0) == ""))
    custom.problems().error(Errc::workflow_invalid, at.pointer(), "the command is empty", "name the program first");
  (void)custom.strings("command");
}

void check_custom_providers(const FieldReader& config) {
  const auto* object = config.object("custom_providers");
  if (object == nullptr) return;
  const auto at = config.place().key("custom_providers");
  for (const auto& [name, value] : *object) {
    const auto entry_at = at.key(view(name));
    const auto* entry = as_object(value, entry_at, config.problems());
    if (entry == nullptr) continue;
    const FieldReader custom(*entry, entry_at, config.problems());
    custom.check_names(Section::custom_provider);
    if (custom.string("type") == "script")
      check_program(custom);
    else if (custom.string("endpoint").value_or("").empty())
      config.problems().warning(entry_at.pointer(), "custom provider without 'endpoint' has no effect");
    const auto type_at = entry_at.key("type");
    const auto type = custom.string("type");
    const auto& types = custom_provider_types();
    if (type && std::find(types.begin(), types.end(), *type) == types.end())
      config.problems().warning(type_at.pointer(), "unknown type '" + *type + "' is taken as 'custom'",
                                config.problems().suggest(*type, types));
  }
}

/// Keys in a workflow file are stored with every run of it.
void warn_of_keys(const FieldReader& config, const bj::object& object) {
  for (const auto& [name, value] : object) {
    if (!value.is_object() || !value.get_object().contains("api_key")) continue;
    const auto at = config.place().key(view(name));
    config.problems().warning(at.key("api_key").pointer(), "API key in a workflow file: it is stored with every run",
                              "set it in the environment instead");
  }
}

std::optional<InputSpec> read_input(std::string_view name, const bj::value& value, const Place& at,
                                    Problems& problems) {
  static const std::vector<std::string_view> kTypes = {"string", "integer", "number", "boolean",
                                                       "array",  "object",  "any"};
  const auto* object = value.if_object();
  if (object == nullptr) {
    problems.error(Errc::json_type, at.pointer(), "expected an object, found " + kind_of(value),
                   "write {\"type\": ..., \"default\": ..., \"description\": ...}, each of them optional");
    return std::nullopt;
  }
  const FieldReader input(*object, at, problems);
  input.check_names(Section::input);
  InputSpec spec;
  spec.name = name;
  if (const auto type = input.word("type", kTypes)) spec.type = static_cast<InputType>(*type);
  spec.description = input.string("description").value_or("");
  spec.data = read_data_class(input);
  if (const auto* fallback = input.find("default")) {
    if (!has_type(*fallback, spec.type)) {
      const auto default_at = at.key("default");
      problems.error(
          Errc::json_type, default_at.pointer(),
          "default of type " + std::string(json::enum_name(spec.type)) + " expected, found " + kind_of(*fallback));
    }
    spec.fallback = Json::of(*fallback);
  }
  return spec;
}

}  // namespace

bool has_type(const bj::value& value, InputType type) {
  switch (type) {
    case InputType::string:
      return value.is_string();
    case InputType::integer:
      return value.is_int64() || value.is_uint64() ||
             (value.is_double() && json::canonical(value).find_first_of(".e") == std::string::npos);
    case InputType::number:
      return value.is_number();
    case InputType::boolean:
      return value.is_bool();
    case InputType::array:
      return value.is_array();
    case InputType::object:
      return value.is_object();
    case InputType::any:
      return true;
  }
  return false;
}

std::vector<InputSpec> read_inputs(const bj::object& inputs, const Place& at, Problems& problems) {
  std::vector<InputSpec> specs;
  for (const auto& [key, value] : inputs) {
    const auto name = view(key);
    const auto input_at = at.key(name);
    check_id(name, "input", input_at, problems);
    if (auto spec = read_input(name, value, input_at, problems)) specs.push_back(*std::move(spec));
  }
  return specs;
}

std::optional<Budget> read_budget(const Json& model_config) {
  const auto config = model_config.value();
  const auto* object = json::member(config, "budget");
  if (object == nullptr) return std::nullopt;
  // Hillstar's 0 is no limit, as is everything that is no amount; all of it was checked.
  const auto amount = [&](std::string_view name) -> std::optional<MicroUsd> {
    const auto* value = json::member(*object, name);
    const double usd = value != nullptr && value->is_number() ? value->to_number<double>() : 0;
    if (usd <= 0 || usd > kAmount.most) return std::nullopt;
    return MicroUsd{std::max<std::int64_t>(1, std::llround(usd * 1e6))};
  };
  Budget budget;
  budget.node = amount("max_per_task_usd");
  budget.run = amount("max_workflow_usd");
  budget.workflow = amount("max_all_runs_usd");
  budget.day = amount("max_per_day_usd");
  const auto* action = json::member(*object, "on_exhausted");
  budget.pause = action != nullptr && *action == "pause";
  if (!budget.node && !budget.run && !budget.workflow && !budget.day) return std::nullopt;
  return budget;
}

void check_model_config(const FieldReader& config) {
  const auto mode = config.word("mode", modes());
  (void)config.word("preset", presets());
  if (mode && modes()[*mode] == "preset" && config.find("preset") == nullptr)
    config.missing("preset", "mode 'preset' needs one");
  check_budget(config);
  check_preferences(config);
  check_sampling(config);
  check_custom_providers(config);
  if (const auto* object = config.object("explainability")) {
    const auto at = config.place().key("explainability");
    const FieldReader explain(*object, at, config.problems());
    explain.check_names(Section::explainability);
    (void)explain.boolean("log_selection_reasoning");
    (void)explain.boolean("log_cost_estimates");
  }
}

void warn_of_model_config_names(const FieldReader& config, const bj::object& object) {
  const auto& names = fields_of(Section::model_config);
  for (const auto& [key, value] : object) {
    const auto name = view(key);
    // `<provider>: {"api_key": ...}` is how Hillstar takes keys.
    if (value.is_object() && value.get_object().contains("api_key")) continue;
    if (std::find(names.begin(), names.end(), name) != names.end() || is_private_field(name)) continue;
    const auto at = config.place().key(name);
    config.problems().unknown_field(at.pointer(), "unknown field '" + std::string(name) + "', it has no effect",
                                    config.problems().suggest(name, names));
  }
  warn_of_keys(config, object);
}

}  // namespace hillstar::workflow
