// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/model_check.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <optional>

#include "runtime/policy/model_choice.hpp"
#include "runtime/policy/model_families.hpp"
#include "runtime/workflow/did_you_mean.hpp"
#include "runtime/workflow/problems.hpp"

namespace hillstar::policy {
namespace {

namespace bj = boost::json;
using json::member;
using workflow::PlanNode;
using workflow::Problems;

/// Fields of a request by the names that authors give them.
std::string parameter_of(const std::string& where) {
  if (where == "/effort") return "/reasoning_effort";
  return where;
}

class Checker {
 public:
  Checker(const workflow::Plan& plan, const Registry& registry, Problems& problems)
      : plan_(plan), registry_(registry), problems_(problems), config_(plan.model_config.value()) {}

  void check() {
    check_lists();
    for (const auto& node : plan_.nodes) {
      const bool copy = node.loop && node.loop->attempt > 1;
      if (node.tool == "model_call" && !copy) check_node(node);
    }
  }

 private:
  /// A misspelt name in a list forbids nothing, or everything.
  void check_lists() {
    const auto* preferences = member(config_, "provider_preferences");
    if (preferences == nullptr) return;
    for (const char* key : {"priority", "allowlist", "blocklist"}) {
      const auto* list = member(*preferences, key);
      if (list == nullptr || !list->is_array()) continue;
      std::size_t place = 0;
      for (const auto& entry : list->get_array()) {
        const auto at = "/model_config/provider_preferences/" + std::string(key) + "/" + std::to_string(place++);
        if (entry.is_string()) check_name(std::string(entry.get_string()), at);
      }
    }
  }

  void check_name(const std::string& name, const std::string& at) {
    const auto* custom = member(config_, "custom_providers");
    if (registry_.find(name) != nullptr || name == "router" || (custom != nullptr && member(*custom, name) != nullptr))
      return;
    std::vector<std::string_view> names;
    for (const auto& entry : registry_.providers) names.emplace_back(entry.name);
    problems_.warning(at, "unknown provider '" + name + "' in a list, it has no effect",
                      problems_.suggest(name, names));
  }

  void check_node(const PlanNode& node) {
    const auto at = "/graph/nodes/" + json::pointer_token(node.id.str());
    const LookUp nothing = [](const std::string&) { return std::optional<std::string>(); };
    const auto choice = choose(node, plan_.model_config, {registry_, nothing, false});
    if (!choice) {
      const auto& error = choice.error();
      // What is missing may be there where it runs.
      if (error.code == Errc::provider_config) return;
      const bool model = error.message.find("forbids the model") != std::string::npos && !node.model.empty();
      problems_.error(error.code, node.provider.empty() ? at : at + (model ? "/model" : "/provider"), error.message,
                      error.hint);
      return;
    }
    const auto& backend = choice->candidates.front().backend;
    check_model(node, backend, at);
    check_request(node, backend, at);
  }

  void check_model(const PlanNode& node, const Backend& backend, const std::string& at) {
    const auto* entry = backend.source == "built-in" ? registry_.find(backend.provider_label) : nullptr;
    if (node.model.empty() || entry == nullptr || entry->kind != ProviderKind::cloud) return;
    if (entry->find_model(node.model) != nullptr || !model_family(entry->adapter, node.model).name.empty()) return;
    std::vector<std::string_view> names;
    for (const auto& model : entry->models) {
      names.emplace_back(model.id);
      names.insert(names.end(), model.aliases.begin(), model.aliases.end());
    }
    auto hint = problems_.suggest(node.model, names);
    if (hint.empty())
      hint = "its price and sizes are not known; `hillstar-actors providers models " + entry->name + "`";
    problems_.warning(at + "/model", "provider '" + entry->name + "' has no known model '" + node.model + "'",
                      std::move(hint));
  }

  void check_request(const PlanNode& node, const Backend& backend, const std::string& at) {
    auto request = make_request(node.parameters, plan_.model_config, {}, backend);
    if (!request) {
      problems_.error(request.error().code, at + request.error().where, request.error().message, request.error().hint);
      return;
    }
    const auto given = node.parameters.value();
    const auto family = model_family(backend.adapter, backend.model);
    if (const auto* effort = member(given, "reasoning_effort"); effort != nullptr && effort->is_string())
      request->effort = std::string(effort->get_string());
    // What the run would leave out is not refused; it is told below.
    request->temperature = Json();
    bool too_long = false;
    for (const auto& refusal : refused_by(family, *request)) {
      too_long = too_long || refusal.where == "/max_tokens";
      problems_.warning(at + "/parameters" + parameter_of(refusal.where), refusal.message, refusal.hint);
    }
    check_temperature(given, backend, at);
    check_sizes(backend, *request, at, too_long);
  }

  void check_temperature(const bj::value& given, const Backend& backend, const std::string& at) {
    const auto* wanted = member(given, "temperature");
    if (wanted == nullptr || !wanted->is_number()) return;
    // 0.5 is a value that no rule about near-zero or default ones touches.
    const auto probe = [&](double value) {
      auto changed = given;
      changed.get_object()["temperature"] = value;
      const auto request = make_request(Json::of(changed), Json(), {}, backend);
      return !request || !request->temperature.is_null();
    };
    if (!probe(0.5))
      problems_.warning(at + "/parameters/temperature",
                        "model '" + backend.model + "' of provider '" + backend.provider_label +
                            "' takes no temperature, it is left out",
                        "remove it; steer the model with reasoning_effort");
  }

  void check_sizes(const Backend& backend, const ModelRequest& request, const std::string& at, bool told) {
    const auto asked = request.max_tokens.value_or(0);
    const auto where = at + "/parameters/max_tokens";
    if (backend.context_tokens && asked >= *backend.context_tokens) {
      problems_.warning(where,
                        "a reply of " + std::to_string(asked) + " tokens leaves no room for the prompt: model '" +
                            backend.model + "' holds " + std::to_string(*backend.context_tokens) + " in all",
                        "lower max_tokens, or name a model with a larger context");
    } else if (backend.max_output_tokens && asked > *backend.max_output_tokens && !told) {
      problems_.warning(where,
                        "model '" + backend.model + "' writes at most " + std::to_string(*backend.max_output_tokens) +
                            " tokens, " + std::to_string(asked) + " are asked for",
                        "lower max_tokens");
    }
  }

  const workflow::Plan& plan_;
  const Registry& registry_;
  Problems& problems_;
  bj::value config_;
};

}  // namespace

std::vector<workflow::Diagnostic> check_models(const workflow::Plan& plan, const std::string& text,
                                               const Registry& registry) {
  const bool any =
      std::any_of(plan.nodes.begin(), plan.nodes.end(), [](const PlanNode& node) { return node.tool == "model_call"; });
  if (!any) return {};
  Problems problems(false);
  Checker(plan, registry, problems).check();
  return problems.take(text);
}

}  // namespace hillstar::policy
