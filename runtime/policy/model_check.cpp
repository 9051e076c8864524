// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/model_check.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <optional>

#include "runtime/policy/json_schema.hpp"
#include "runtime/policy/model_families.hpp"
#include "runtime/policy/model_parameters.hpp"
#include "runtime/policy/model_request.hpp"
#include "runtime/workflow/did_you_mean.hpp"
#include "runtime/workflow/problems.hpp"

namespace hillstar::policy {
namespace {

namespace bj = boost::json;
using json::member;
using workflow::PlanNode;
using workflow::Problems;

/// Where in the node the author wrote what became this field of the request.
std::string place_of(const std::string& where, const bj::value& given) {
  const bool named = member(given, "schema") != nullptr;
  if (where == "/effort") return "/parameters/reasoning_effort";
  if (where == "/format" || where.starts_with("/schema"))
    return named ? "/parameters/schema" : "/parameters/response_format";
  if (where.starts_with("/messages")) return "/input/messages";
  if (where == "/images" && member(given, "images") == nullptr) return "/input";
  return "/parameters" + where;
}

/// Calls `visit` with each JSON Schema among the parameters, and where it stands in the node.
template <class Visit>
void visit_schemas(const bj::value& given, Visit visit) {
  const auto look = [&](const bj::value* holder, const std::string& pointer, const char* key) {
    const auto* schema = holder == nullptr ? nullptr : member(*holder, key);
    if (schema != nullptr && schema->is_object()) visit(Json::of(*schema), pointer + "/" + key);
  };
  const auto* format = member(given, "response_format");
  look(&given, "/parameters", "schema");
  look(format, "/parameters/response_format", "schema");
  look(format == nullptr ? nullptr : member(*format, "json_schema"), "/parameters/response_format/json_schema",
       "schema");
  const auto* tools = member(given, "tools");
  for (std::size_t i = 0; tools != nullptr && tools->is_array() && i < tools->get_array().size(); ++i) {
    const auto& tool = tools->get_array()[i];
    const auto pointer = "/parameters/tools/" + std::to_string(i);
    look(&tool, pointer, "parameters");
    look(member(tool, "function"), pointer + "/function", "parameters");
  }
}

class Checker {
 public:
  Checker(const workflow::Plan& plan, const Registry& registry, const TryAsking& try_asking, Problems& problems)
      : plan_(plan),
        registry_(registry),
        try_asking_(try_asking),
        problems_(problems),
        config_(plan.model_config.value()) {}

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
    check_acknowledged(node, at);
    const auto choice = choose(node, plan_.model_config, {registry_, nothing, false});
    if (!choice) {
      const auto& error = choice.error();
      // What is missing may be there where it runs; what is wrong with the parameters is wrong everywhere.
      if (error.code == Errc::provider_config) return (void)request_of(node, Backend{}, at);
      const bool model = error.message.find("forbids the model") != std::string::npos && !node.model.empty();
      problems_.error(error.code, node.provider.empty() ? at : at + (model ? "/model" : "/provider"), error.message,
                      error.hint);
      return;
    }
    const auto& backend = choice->candidates.front().backend;
    check_model(node, backend, at);
    check_request(node, backend, at);
  }

  /// What else is wrong is looked at as if the terms were accepted.
  void check_acknowledged(const PlanNode& node, const std::string& at) {
    const LookUp nothing = [](const std::string&) { return std::optional<std::string>(); };
    const auto choice = choose(node, plan_.model_config, {registry_, nothing, false, &plan_.provider_config});
    if (choice || choice.error().code != Errc::terms_not_accepted) return;
    const auto config = plan_.provider_config.value();
    const bool said = member(config, node.provider) != nullptr;
    problems_.error(choice.error().code, said ? "/provider_config/" + json::pointer_token(node.provider) : at,
                    choice.error().message, choice.error().hint);
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

  std::optional<ModelRequest> request_of(const PlanNode& node, const Backend& backend, const std::string& at) {
    Asked asked;
    asked.shape = &node.input;
    asked.looks_ahead = true;
    const auto input = node.input.value();
    if (input.is_string()) asked.text = std::string(input.get_string());
    auto request = make_request(node.parameters, plan_.model_config, asked, backend);
    if (request) return std::move(*request);
    problems_.error(request.error().code, at + request.error().where, request.error().message, request.error().hint);
    return std::nullopt;
  }

  void check_request(const PlanNode& node, const Backend& backend, const std::string& at) {
    const auto request = request_of(node, backend, at);
    if (!request) return;
    const auto given = node.parameters.value();
    const auto refused_at = check_asking(*request, backend, given, at);
    bool too_long = false;
    for (const auto& refusal : refused_by(model_family(backend.adapter, backend.model), *request)) {
      too_long = too_long || refusal.where == "/max_tokens";
      if (refusal.where != refused_at)
        problems_.warning(at + place_of(refusal.where, given), refusal.message, refusal.hint);
    }
    for (const auto& unsent : unsent_parameters(given, backend))
      problems_.warning(at + "/parameters/" + unsent.parameter,
                        "model '" + backend.model + "' of provider '" + backend.provider_label + "' takes no " +
                            unsent.parameter + ", it is left out",
                        unsent.hint);
    visit_schemas(given, [&](const Json& schema, const std::string& pointer) {
      for (const auto& remark : check_schema(schema))
        if (!remark.is_error) problems_.warning(at + pointer + remark.pointer, remark.message, remark.hint);
    });
    check_sizes(backend, *request, at, too_long);
  }

  /// Returns the field that the backend's API cannot be asked for, if there is one.
  std::string check_asking(const ModelRequest& request, const Backend& backend, const bj::value& given,
                           const std::string& at) {
    if (!try_asking_) return {};
    const auto asked = try_asking_(request, backend);
    if (asked || asked.error().code != Errc::tool_parameters) return {};
    const auto& error = asked.error();
    problems_.error(error.code, at + place_of(error.where, given), error.message, error.hint);
    return error.where;
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
  const TryAsking& try_asking_;
  Problems& problems_;
  bj::value config_;
};

}  // namespace

std::vector<workflow::Diagnostic> check_models(const workflow::Plan& plan, const std::string& text,
                                               const Registry& registry, const TryAsking& try_asking) {
  const bool any =
      std::any_of(plan.nodes.begin(), plan.nodes.end(), [](const PlanNode& node) { return node.tool == "model_call"; });
  if (!any) return {};
  Problems problems(false);
  Checker(plan, registry, try_asking, problems).check();
  return problems.take(text);
}

}  // namespace hillstar::policy
