// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/backend_resolver.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <utility>

#include "runtime/policy/compliance.hpp"
#include "runtime/policy/local_models.hpp"
#include "runtime/policy/program_address.hpp"
#include "runtime/workflow/did_you_mean.hpp"

namespace hillstar::policy {
namespace {

namespace bj = boost::json;

/// Never, whatever endpoint is given: the project's values.
constexpr std::array<std::string_view, 3> kRefused{"xai", "grok", "palantir"};
constexpr std::string_view kRouterUrlVariable = "HILLSTAR_ROUTER_URL";
constexpr std::string_view kRouterKeyVariable = "HILLSTAR_ROUTER_KEY";
/// Types of custom providers that speak another protocol than OpenAI's Chat Completions.
constexpr std::array<std::string_view, 4> kOwnProtocol{"anthropic", "google", "mistral", "openai"};
/// ... and the one that is a program, with a `command` in place of an endpoint.
constexpr std::string_view kScript = "script";

bool is_script(const bj::object& entry) { return text_at(entry, "type") == kScript; }

bool is_true(const bj::object& entry, std::string_view key) {
  const auto* value = entry.if_contains(key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

Result<std::string> script_address(const bj::object& entry, const std::string& where) {
  std::vector<std::string> command;
  const auto* list = entry.if_contains("command");
  bool all_text = list != nullptr && list->is_array();
  if (all_text)
    for (const auto& part : list->get_array()) {
      all_text = all_text && part.is_string();
      command.emplace_back(part.is_string() ? std::string(part.get_string()) : std::string());
    }
  auto checked = check_command(command);
  if (!all_text)
    return Error{Errc::provider_config, "A provider of type script needs a command, a list of texts.", where,
                 "Write \"command\": [\"python3\", \"ask.py\"]."};
  if (!checked) return Error{checked.error().code, checked.error().message, where, checked.error().hint};
  return program_address(command);
}

std::string trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n\f\v";
  const auto begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(kBlank) - begin + 1));
}

std::string without_slashes(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

bool lists(const bj::object& object, std::string_view key, std::string_view name) {
  const auto* value = object.if_contains(key);
  if (value == nullptr || !value->is_array() || name.empty()) return false;
  return std::any_of(value->get_array().begin(), value->get_array().end(),
                     [&](const bj::value& entry) { return entry.is_string() && entry.get_string() == name; });
}

std::string value_of(const LookUp& environment, std::string_view variable) {
  return trimmed(environment(std::string(variable)).value_or(""));
}

bool is_refused(std::string_view provider) {
  std::string lower(provider);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return std::any_of(kRefused.begin(), kRefused.end(), [&](std::string_view name) { return lower.starts_with(name); });
}

std::string sent_as(const ModelEntry* entry, const std::string& model) {
  // A provider knows shorter forms of its own ids itself.
  const bool shorter = entry != nullptr && entry->id != model && entry->id.starts_with(model);
  return entry == nullptr || shorter ? model : entry->sent();
}

void describe(Backend& backend, const ModelEntry& model) {
  backend.tier = model.tier;
  backend.prices = model.prices;
  backend.context_tokens = model.context_tokens;
  backend.max_output_tokens = model.max_output_tokens;
}

}  // namespace

std::string text_at(const bj::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? trimmed(value->get_string()) : std::string();
}

const bj::object* object_at(const bj::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr ? value->if_object() : nullptr;
}

ChoiceRules::ChoiceRules(const bj::object& config) : config_(config), preset_(text_at(config, "preset")) {
  const auto mode = text_at(config, "mode");
  if (mode == "auto" || mode == "preset") mode_ = Mode::automatic;
  const auto add = [&](const bj::object* object, std::string_view key) {
    const auto* list = object != nullptr ? object->if_contains(key) : nullptr;
    if (list == nullptr || !list->is_array()) return;
    for (const auto& name : list->get_array())
      if (name.is_string()) preferences_.emplace_back(name.get_string());
  };
  add(&config, "provider_preference");
  add(object_at(config, "provider_preferences"), "priority");
}

const bj::object* ChoiceRules::custom(std::string_view name) const {
  const auto* all = object_at(config_, "custom_providers");
  const auto* entry = all != nullptr && !name.empty() ? object_at(*all, name) : nullptr;
  return entry != nullptr && (is_script(*entry) || !text_at(*entry, "endpoint").empty()) ? entry : nullptr;
}

Result<void> ChoiceRules::permits(std::string_view provider, const Registry& registry, const std::string& where) const {
  const std::string name(provider);
  if (is_refused(provider))
    return Error{Errc::provider_unknown, "Provider '" + name + "' is not supported, by decision of the project.", where,
                 "Name another provider."};
  const auto* preferences = object_at(config_, "provider_preferences");
  if (provider.empty() || preferences == nullptr) return {};
  // Another name of a provider is that provider; an endpoint of one's own under its name is not.
  const auto* entry = custom(provider) == nullptr ? registry.find(provider) : nullptr;
  const std::string_view base = entry != nullptr ? std::string_view(entry->same_as) : std::string_view();
  const auto in = [&](std::string_view list) {
    return lists(*preferences, list, provider) || lists(*preferences, list, base);
  };
  const auto* allowed = preferences->if_contains("allowlist");
  const bool limits = allowed != nullptr && allowed->is_array() && !allowed->get_array().empty();
  if (in("blocklist") || (limits && !in("allowlist")))
    return Error{Errc::permission_denied,
                 "Provider '" + name + "' is forbidden by the workflow's provider_preferences.", where,
                 "Change the node's provider, or the allowlist or blocklist."};
  return {};
}

Result<Backend> BackendResolver::resolve(const std::string& provider, const std::string& model) {
  notes_.clear();
  HILLSTAR_CHECK(rules_.permits(provider, world_.registry, where()));
  const auto* entry = world_.registry.find(provider);
  const std::string wanted = model.empty() && entry != nullptr ? default_model(*entry) : model;
  if (is_seat(wanted)) return seat(provider, wanted);
  if (const auto* own = usable_custom(provider)) return custom(provider, *own, wanted, "custom");
  if (entry != nullptr && !entry->adapter.empty()) return standard(*entry, wanted);
  return unknown(provider, wanted);
}

std::string BackendResolver::default_model(const ProviderEntry& entry) const {
  if (!rules_.local_only() || !is_cloud_model_name(entry.default_model)) return entry.default_model;
  const auto near = std::find_if(entry.models.begin(), entry.models.end(),
                                 [](const ModelEntry& model) { return !model.runs_elsewhere; });
  return near == entry.models.end() ? entry.default_model : near->id;
}

/// The usable entry of that name, or nullptr; a malformed one leaves a note.
const bj::object* BackendResolver::usable_custom(std::string_view name) {
  if (const auto* entry = rules_.custom(name)) return entry;
  const auto* all = object_at(rules_.config(), "custom_providers");
  if (all != nullptr && !name.empty() && all->contains(name))
    notes_.push_back("custom_providers." + std::string(name) + " is ignored: it has no endpoint.");
  return nullptr;
}

Result<Backend> BackendResolver::seat(const std::string& provider, const std::string& name) {
  const bj::object* pin = usable_custom(name);
  if (pin == nullptr) pin = usable_custom("router");
  if (pin != nullptr) {
    const auto type = text_at(*pin, "type");
    return custom(type.empty() ? "custom" : type, *pin, name, "workflow-pin");
  }
  if (const auto* entry = usable_custom(provider)) return custom(provider, *entry, name, "custom");
  if (const auto url = value_of(world_.environment, kRouterUrlVariable); !url.empty()) {
    Backend backend;
    backend.adapter = "openai_compatible";
    backend.base_url = without_slashes(url);
    backend.model = name;
    backend.provider_label = "custom";
    backend.source = "host-config";
    HILLSTAR_CHECK(place(backend));
    if (!value_of(world_.environment, kRouterKeyVariable).empty()) backend.key_variable = kRouterKeyVariable;
    return finished(std::move(backend));
  }
  if (provider != "router") return local_seat(name);
  return Error{Errc::provider_config,
               "router required for seat '" + name +
                   "': neither model_config.custom_providers nor HILLSTAR_ROUTER_URL says where it is.",
               where(),
               "Pin custom_providers[\"" + name +
                   "\"] or custom_providers[\"router\"] to an endpoint, or set "
                   "HILLSTAR_ROUTER_URL."};
}

/// The model is looked for when the call goes: what a server has can change, and asking takes time.
Result<Backend> BackendResolver::local_seat(const std::string& name) {
  constexpr std::string_view kServer = "ollama";
  HILLSTAR_CHECK(rules_.permits(kServer, world_.registry, where()));
  const auto* entry = world_.registry.find(kServer);
  if (entry == nullptr || entry->adapter.empty())
    return Error{Errc::provider_config, "no backend for seat '" + name + "': the registry has no Ollama.", where(),
                 "Pin custom_providers[\"" + name + "\"], or set HILLSTAR_ROUTER_URL."};
  HILLSTAR_TRY(auto backend, standard(*entry, name));
  backend.source = kLocalDiscovery;
  backend.tier = Tier::free;
  backend.prices = ModelPrices{};
  backend.notes.push_back("Seat '" + name + "' is pinned nowhere: a model that Ollama has here is taken.");
  return backend;
}

Result<Backend> BackendResolver::custom(std::string label, const bj::object& entry, const std::string& model,
                                        std::string source) {
  Backend backend;
  const auto type = text_at(entry, "type");
  const bool own = std::find(kOwnProtocol.begin(), kOwnProtocol.end(), type) != kOwnProtocol.end();
  const bool script = is_script(entry);
  backend.adapter = own || script ? type : "openai_compatible";
  backend.base_url = without_slashes(text_at(entry, "endpoint"));
  if (script) {
    HILLSTAR_TRY(backend.base_url, script_address(entry, where()));
    backend.limits.concurrency = kProgramCallsDefault;
    backend.is_near = is_true(entry, "local");
  }
  backend.model = text_at(entry, "model_name");
  if (backend.model.empty()) backend.model = model;
  backend.provider_label = std::move(label);
  backend.source = std::move(source);
  backend.api_version = text_at(entry, "api_version");
  HILLSTAR_CHECK(place(backend));
  HILLSTAR_TRY(backend.key_variable, custom_key(entry, backend.key_missing));
  if (is_true(entry, "singleClient") || is_true(entry, "single_client")) {
    backend.lane = text_at(entry, "backend_id");
    if (backend.lane.empty()) backend.lane = text_at(entry, "backendId");
    if (backend.lane.empty()) backend.lane = script ? backend.base_url : text_at(entry, "endpoint");
  }
  return finished(std::move(backend));
}

/// `auth_token` names a variable as `${NAME}`. A key itself would be stored with the run, so it is not used.
Result<std::string> BackendResolver::custom_key(const bj::object& entry, bool& missing) {
  const auto token = text_at(entry, "auth_token");
  if (token.empty()) return std::string();
  if (!token.starts_with("${") || !token.ends_with('}') || token.size() < 4) {
    notes_.emplace_back("auth_token is not sent: a workflow is no place for a key. Write \"${NAME}\" and export NAME.");
    return std::string();
  }
  std::string variable = token.substr(2, token.size() - 3);
  missing = value_of(world_.environment, variable).empty();
  if (missing && world_.keys_needed) return missing_key({variable});
  return variable;
}

Result<Backend> BackendResolver::standard(const ProviderEntry& entry, const std::string& model) {
  Backend backend;
  backend.adapter = entry.adapter;
  backend.base_url = entry.base_url;
  if (!entry.base_url_variable.empty())
    if (const auto url = value_of(world_.environment, entry.base_url_variable); !url.empty())
      backend.base_url = without_slashes(url);
  backend.provider_label = entry.name;
  backend.source = "built-in";
  backend.api_version = entry.api_version;
  backend.limits = entry.limits;
  backend.is_near = entry.program_stays;
  const auto* known = entry.find_model(model);
  backend.model = sent_as(known, model);
  if (known != nullptr) describe(backend, *known);
  HILLSTAR_CHECK(place(backend));
  HILLSTAR_CHECK(take_key(entry, backend));
  if (model.empty() && !entry.key_variables.empty())
    return Error{Errc::provider_config, "Provider '" + entry.name + "' has no default model.", where(),
                 "Add \"model\" to the node."};
  const auto* own = object_at(rules_.config(), entry.name);
  if (own != nullptr && own->contains("api_key"))
    notes_.emplace_back("model_config." + entry.name + ".api_key is not used: a workflow is no place for a key.");
  return finished(std::move(backend));
}

Result<void> BackendResolver::take_key(const ProviderEntry& entry, Backend& backend) const {
  for (const auto& variable : entry.key_variables) {
    if (value_of(world_.environment, variable).empty()) continue;
    backend.key_variable = variable;
    return {};
  }
  if (entry.key_variables.empty() || !entry.key_required) return {};
  if (world_.keys_needed) return missing_key(entry.key_variables);
  backend.key_missing = true;
  backend.key_variable = entry.key_variables.front();
  return {};
}

Error BackendResolver::missing_key(const std::vector<std::string>& variables) const {
  std::string names;
  for (const auto& variable : variables) names += (names.empty() ? "" : " or ") + variable;
  return {Errc::provider_config,
          "Environment variable " + names +
              " is not set; it must hold the API key. Looked at: the environment, the nearest .env file, "
              "~/.config/hillstar/secrets.env, and the keyring.",
          where(),
          "Export " + variables.front() + ", or keep it with `hillstar-actors secrets set " + variables.front() + "`."};
}

/// Before keys are asked for: what is forbidden needs none.
Result<void> BackendResolver::place(Backend& backend) const {
  HILLSTAR_CHECK(place_it(backend));
  if (world_.provider_config == nullptr) return {};
  return check_terms(world_.registry, backend, *world_.provider_config, where());
}

Result<void> BackendResolver::place_it(Backend& backend) const {
  if (is_program(backend.base_url)) return place_program(backend);
  if (!backend.base_url.starts_with("http://") && !backend.base_url.starts_with("https://"))
    return Error{Errc::provider_config, "Endpoint '" + backend.base_url + "' is no http:// or https:// address.",
                 where(), "Write it as http://host:port or https://host."};
  const bool cloud_model = is_cloud_model_name(backend.model);
  const auto* entry = backend.source == "built-in" ? world_.registry.find(backend.provider_label) : nullptr;
  const bool cloud = entry != nullptr && entry->kind == ProviderKind::cloud;
  backend.is_near = is_near(backend.base_url) && !cloud_model && !cloud;
  if (!rules_.local_only() || backend.is_near) return {};
  if (cloud_model)
    return Error{Errc::permission_denied,
                 "Preset local_only forbids the model '" + backend.model + "': it runs in a cloud.", where(),
                 "Name a model that is on this machine."};
  return Error{
      Errc::permission_denied,
      "Preset local_only forbids the cloud provider '" + backend.provider_label + "' at " + backend.base_url + ".",
      where(), "Use a local provider or another preset."};
}

/// Nobody but its author knows where a program sends what it is given.
Result<void> BackendResolver::place_program(const Backend& backend) const {
  if (!rules_.local_only() || backend.is_near) return {};
  return Error{Errc::permission_denied,
               "Preset local_only forbids the provider '" + backend.provider_label +
                   "': it is a program, and nothing says that it keeps the text here.",
               where(),
               backend.adapter == kScript ? "Add \"local\": true to the provider if it sends nothing to a cloud."
                                          : "Use a local provider or another preset."};
}

Backend BackendResolver::finished(Backend backend) {
  if (!node_.lane.empty()) backend.lane = node_.lane;
  backend.name = backend.provider_label + " " + backend.base_url;
  backend.notes = std::move(notes_);
  return backend;
}

Error BackendResolver::unknown(const std::string& provider, const std::string& model) const {
  if (provider == "router")
    return {Errc::provider_config, "'" + model + "' is not a seat; provider 'router' serves seats only.", where(),
            "Name a model that starts with router-, such as router-planner."};
  if (provider == "openai_compatible")
    return {Errc::provider_config, "Provider 'openai_compatible' needs an endpoint.", where(),
            "Set model_config.custom_providers.openai_compatible.endpoint."};
  const std::string own =
      "Set model_config.custom_providers." + provider + ".endpoint to reach it over the OpenAI-compatible protocol.";
  if (const auto* entry = world_.registry.find(provider))
    return {Errc::provider_unknown, "Provider '" + provider + "' is not available in this release.", where(),
            entry->notes.empty() ? own : entry->notes + " " + own};
  std::vector<std::string_view> names{"router", "openai_compatible"};
  for (const auto& entry : world_.registry.providers) names.emplace_back(entry.name);
  if (const auto* all = object_at(rules_.config(), "custom_providers"))
    for (const auto& [name, value] : *all) names.emplace_back(name.data(), name.size());
  std::string nearest = workflow::did_you_mean(provider, names);
  if (!nearest.empty()) nearest[0] = 'D';
  return {Errc::provider_unknown, "Unknown provider: '" + provider + "'.", where(), nearest.empty() ? own : nearest};
}

}  // namespace hillstar::policy
