// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/model_choice.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <numeric>
#include <utility>

namespace hillstar::policy {
namespace {

namespace bj = boost::json;
using workflow::PlanNode;

struct BuiltIn {
  std::string_view name;
  std::string_view adapter;
  std::string_view base_url;
  std::string_view key_variable;
  std::string_view default_model;
};
// Addresses and default models: Hillstar specification 1.6 and 5.2 to 5.7.
constexpr std::array kBuiltIns{
    BuiltIn{"devstral", "openai_compatible", "http://127.0.0.1:8080", "", "devstral"},
    BuiltIn{"devstral_local", "openai_compatible", "http://127.0.0.1:8080", "", ""},
    BuiltIn{"local", "openai_compatible", "http://127.0.0.1:8080", "", "local"},
    BuiltIn{"jan_code", "openai_compatible", "http://127.0.0.1:8081", "", "jan-code"},
    BuiltIn{"jan_code_local", "openai_compatible", "http://127.0.0.1:8081", "", "jan-code"},
    BuiltIn{"ollama", "openai_compatible", "http://127.0.0.1:11434", "", "minimax-m2.5:cloud"},
    BuiltIn{"openai", "openai", "https://api.openai.com/v1", "OPENAI_API_KEY", "gpt-5-mini-2025-08-07"},
    BuiltIn{"mistral", "openai_compatible", "https://api.mistral.ai/v1", "MISTRAL_API_KEY", ""},
};
/// Hillstar knows them; this release has no client for them.
constexpr std::array<std::string_view, 10> kLater{
    "anthropic",  "anthropic_ollama", "anthropic_mcp",    "openai_mcp", "mistral_mcp",
    "ollama_mcp", "google",           "google_ai_studio", "codex_mcp",  "codex_messages"};
/// Never, whatever endpoint is given: the project's values.
constexpr std::array<std::string_view, 3> kRefused{"xai", "grok", "palantir"};
constexpr std::string_view kSeatPrefix = "router-";
constexpr std::string_view kRouterUrlVariable = "HILLSTAR_ROUTER_URL";
constexpr std::string_view kRouterKeyVariable = "HILLSTAR_ROUTER_KEY";

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

std::string text_at(const bj::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? trimmed(value->get_string()) : std::string();
}

const bj::object* object_at(const bj::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr ? value->if_object() : nullptr;
}

bool lists(const bj::object& object, std::string_view key, std::string_view name) {
  const auto* value = object.if_contains(key);
  if (value == nullptr || !value->is_array()) return false;
  return std::any_of(value->get_array().begin(), value->get_array().end(),
                     [&](const bj::value& entry) { return entry.is_string() && entry.get_string() == name; });
}

bool is_set(const LookUp& environment, std::string_view variable) {
  const auto value = environment(std::string(variable));
  return value && !trimmed(*value).empty();
}

const BuiltIn* built_in(std::string_view provider) {
  const auto* found =
      std::find_if(kBuiltIns.begin(), kBuiltIns.end(), [&](const BuiltIn& entry) { return entry.name == provider; });
  return found == kBuiltIns.end() ? nullptr : found;
}

std::string default_model(std::string_view provider) {
  const auto* entry = built_in(provider);
  return entry != nullptr ? std::string(entry->default_model) : std::string();
}

/// Levenshtein distance. Names are short; longer ones are no typing errors of them.
std::size_t distance(std::string_view a, std::string_view b) {
  constexpr std::size_t kNameMax = 64;
  if (a.size() > kNameMax || b.size() > kNameMax) return kNameMax;
  std::array<std::size_t, kNameMax + 1> row{};
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t k = 0; k < b.size(); ++k) {
      const std::size_t replaced = diagonal + (a[i] == b[k] ? 0 : 1);
      diagonal = row[k + 1];
      row[k + 1] = std::min({replaced, row[k] + 1, row[k + 1] + 1});
    }
  }
  return row[b.size()];
}

bool is_refused(std::string_view provider) {
  std::string lower(provider);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return std::any_of(kRefused.begin(), kRefused.end(), [&](std::string_view name) { return lower.starts_with(name); });
}

/// One resolution: the node, the configuration, and what was noted on the way.
class Chooser {
 public:
  Chooser(const PlanNode& node, const bj::object& config, const LookUp& environment)
      : node_(node), config_(config), environment_(environment), custom_(object_at(config, "custom_providers")) {}

  Result<Backend> choose() {
    if (!node_.provider.empty() || is_seat(node_.model)) return resolve(node_.provider);
    for (const auto& candidate : preferences())
      if (auto backend = resolve(candidate)) return backend;
    return Error{Errc::provider_config, "The node names no provider, and no preferred provider is usable.", where(),
                 "Add \"provider\" to the node: a model is never chosen behind the author's back."};
  }

 private:
  std::string where() const { return node_.id.str(); }

  std::vector<std::string> preferences() const {
    std::vector<std::string> names;
    const auto add = [&](const bj::object* object, std::string_view key) {
      const auto* list = object != nullptr ? object->if_contains(key) : nullptr;
      if (list == nullptr || !list->is_array()) return;
      for (const auto& name : list->get_array())
        if (name.is_string()) names.emplace_back(name.get_string());
    };
    add(&config_, "provider_preference");
    add(object_at(config_, "provider_preferences"), "priority");
    return names;
  }

  Result<Backend> resolve(const std::string& provider) {
    HILLSTAR_CHECK(permitted(provider));
    const std::string model = node_.model.empty() ? default_model(provider) : node_.model;
    if (is_seat(model)) return seat(provider, model);
    if (const auto* entry = custom_entry(provider)) return custom(provider, *entry, model, "custom");
    if (const auto* entry = built_in(provider)) return standard(*entry, model);
    return unknown(provider, model);
  }

  Result<void> permitted(const std::string& provider) const {
    if (is_refused(provider))
      return Error{Errc::provider_unknown, "Provider '" + provider + "' is not supported, by decision of the project.",
                   where(), "Name another provider."};
    if (provider.empty()) return {};
    if (const auto* preferences = object_at(config_, "provider_preferences")) {
      const auto* allowed = preferences->if_contains("allowlist");
      const bool limits = allowed != nullptr && allowed->is_array() && !allowed->get_array().empty();
      if (lists(*preferences, "blocklist", provider) || (limits && !lists(*preferences, "allowlist", provider)))
        return Error{Errc::permission_denied,
                     "Provider '" + provider + "' is forbidden by the workflow's provider_preferences.", where(),
                     "Change the node's provider, or the allowlist or blocklist."};
    }
    const auto* entry = built_in(provider);
    const bool leaves = entry != nullptr && !entry->key_variable.empty() && !has_endpoint(provider);
    if (leaves && text_at(config_, "preset") == "local_only")
      return Error{Errc::permission_denied, "Preset local_only forbids the cloud provider '" + provider + "'.", where(),
                   "Use a local provider or another preset."};
    return {};
  }

  bool has_endpoint(std::string_view name) const {
    const auto* entry = custom_ != nullptr ? object_at(*custom_, name) : nullptr;
    return entry != nullptr && !text_at(*entry, "endpoint").empty();
  }

  /// The usable entry of that name, or nullptr; a malformed one leaves a note.
  const bj::object* custom_entry(std::string_view name) {
    if (custom_ == nullptr || name.empty() || !custom_->contains(name)) return nullptr;
    if (has_endpoint(name)) return object_at(*custom_, name);
    notes_.push_back("custom_providers." + std::string(name) + " is ignored: it has no endpoint.");
    return nullptr;
  }

  Result<Backend> seat(const std::string& provider, const std::string& name) {
    const bj::object* pin = custom_entry(name);
    if (pin == nullptr) pin = custom_entry("router");
    if (pin != nullptr) {
      const auto type = text_at(*pin, "type");
      return custom(type.empty() ? "custom" : type, *pin, name, "workflow-pin");
    }
    if (const auto* entry = custom_entry(provider)) return custom(provider, *entry, name, "custom");
    const auto url = environment_(std::string(kRouterUrlVariable));
    if (url && !trimmed(*url).empty()) {
      Backend backend;
      backend.adapter = "openai_compatible";
      backend.base_url = without_slashes(trimmed(*url));
      backend.model = name;
      backend.provider_label = "custom";
      backend.source = "host-config";
      if (is_set(environment_, kRouterKeyVariable)) backend.key_variable = kRouterKeyVariable;
      return finished(std::move(backend));
    }
    const std::string what =
        provider == "router" ? "router required for seat '" + name + "'" : "no backend for seat '" + name + "'";
    return Error{Errc::provider_config,
                 what + ": neither model_config.custom_providers nor HILLSTAR_ROUTER_URL says where it is.", where(),
                 "Pin custom_providers[\"" + name +
                     "\"] or custom_providers[\"router\"] to an endpoint, or set "
                     "HILLSTAR_ROUTER_URL. Local models are not discovered in this release."};
  }

  Result<Backend> custom(std::string label, const bj::object& entry, const std::string& model, std::string source) {
    Backend backend;
    backend.adapter = "openai_compatible";
    backend.base_url = without_slashes(text_at(entry, "endpoint"));
    backend.model = text_at(entry, "model_name");
    if (backend.model.empty()) backend.model = model;
    backend.provider_label = std::move(label);
    backend.source = std::move(source);
    HILLSTAR_TRY(backend.key_variable, custom_key(entry));
    const auto single = [&](const char* key) {
      const auto* value = entry.if_contains(key);
      return value != nullptr && value->is_bool() && value->get_bool();
    };
    if (single("singleClient") || single("single_client")) {
      backend.lane = text_at(entry, "backend_id");
      if (backend.lane.empty()) backend.lane = text_at(entry, "backendId");
      if (backend.lane.empty()) backend.lane = text_at(entry, "endpoint");
    }
    return finished(std::move(backend));
  }

  /// `auth_token` names a variable as `${NAME}`. A key itself would be stored with the run, so it is not used.
  Result<std::string> custom_key(const bj::object& entry) {
    const auto token = text_at(entry, "auth_token");
    if (token.empty()) return std::string();
    if (!token.starts_with("${") || !token.ends_with('}') || token.size() < 4) {
      notes_.emplace_back(
          "auth_token is not sent: a workflow is no place for a key. Write \"${NAME}\" and export NAME.");
      return std::string();
    }
    std::string variable = token.substr(2, token.size() - 3);
    HILLSTAR_CHECK(need_key(variable));
    return variable;
  }

  Result<Backend> standard(const BuiltIn& entry, const std::string& model) {
    Backend backend;
    backend.adapter = entry.adapter;
    backend.base_url = entry.base_url;
    backend.model = model;
    backend.provider_label = entry.name;
    backend.source = "built-in";
    backend.key_variable = entry.key_variable;
    if (!entry.key_variable.empty()) {
      HILLSTAR_CHECK(need_key(backend.key_variable));
      if (model.empty())
        return Error{Errc::provider_config, "Provider '" + std::string(entry.name) + "' has no default model.", where(),
                     "Add \"model\" to the node."};
    }
    const auto* own = object_at(config_, entry.name);
    if (own != nullptr && own->contains("api_key"))
      notes_.emplace_back("model_config." + std::string(entry.name) +
                          ".api_key is not used: a workflow is no place "
                          "for a key.");
    return finished(std::move(backend));
  }

  Result<void> need_key(const std::string& variable) const {
    if (is_set(environment_, variable)) return {};
    return Error{Errc::provider_config, "Environment variable " + variable + " is not set; it must hold the API key.",
                 where(), "Export " + variable + " before starting the run."};
  }

  Result<Backend> finished(Backend backend) {
    if (!backend.base_url.starts_with("http://") && !backend.base_url.starts_with("https://"))
      return Error{Errc::provider_config, "Endpoint '" + backend.base_url + "' is no http:// or https:// address.",
                   where(), "Write it as http://host:port or https://host."};
    if (!node_.lane.empty()) backend.lane = node_.lane;
    backend.name = backend.provider_label + " " + backend.base_url;
    backend.notes = std::move(notes_);
    return backend;
  }

  Error unknown(const std::string& provider, const std::string& model) const {
    if (provider == "router")
      return {Errc::provider_config, "'" + model + "' is not a seat; provider 'router' serves seats only.", where(),
              "Name a model that starts with router-, such as router-planner."};
    if (provider == "openai_compatible")
      return {Errc::provider_config, "Provider 'openai_compatible' needs an endpoint.", where(),
              "Set model_config.custom_providers.openai_compatible.endpoint."};
    const std::string own = "Set model_config.custom_providers." + provider +
                            ".endpoint to reach it over the "
                            "OpenAI-compatible protocol.";
    if (std::find(kLater.begin(), kLater.end(), provider) != kLater.end())
      return {Errc::provider_unknown, "Provider '" + provider + "' is not available in this release.", where(), own};
    std::string nearest;
    std::size_t nearest_distance = 3;
    const auto consider = [&](std::string_view name) {
      if (const auto steps = distance(provider, name); steps < nearest_distance) {
        nearest = name;
        nearest_distance = steps;
      }
    };
    for (const auto& entry : kBuiltIns) consider(entry.name);
    consider("router");
    consider("openai_compatible");
    if (custom_ != nullptr)
      for (const auto& entry : *custom_) consider(entry.key());
    return {Errc::provider_unknown, "Unknown provider: '" + provider + "'.", where(),
            nearest.empty() ? own : "Did you mean '" + nearest + "'?"};
  }

  const PlanNode& node_;
  const bj::object& config_;
  const LookUp& environment_;
  const bj::object* custom_;
  std::vector<std::string> notes_;
};

}  // namespace

bool is_seat(std::string_view model) { return model.starts_with(kSeatPrefix); }

Result<Backend> choose_backend(const PlanNode& node, const Json& model_config, const LookUp& environment) {
  const auto config = model_config.value();
  static const bj::object kNothing;
  return Chooser(node, config.is_object() ? config.get_object() : kNothing, environment).choose();
}

}  // namespace hillstar::policy
