// SPDX-License-Identifier: Apache-2.0
// read_registry: texts laid over each other, then read member by member.
#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <initializer_list>
#include <limits>

#include "messages/json.hpp"
#include "runtime/policy/program_address.hpp"
#include "runtime/policy/registry.hpp"

namespace hillstar::policy {
namespace {

namespace bj = boost::json;
using Names = std::initializer_list<std::string_view>;

/// Same names nest by `same_as` only once; a text that nests deeper than this is none of ours.
constexpr std::size_t kDepthMax = 16;
constexpr std::size_t kWarningsMax = 100;

struct Source {
  std::string name;
  bj::value tree;
};

void merge(bj::value& below, const bj::value& above) {
  if (!above.is_object()) {
    below = above;
    return;
  }
  if (!below.is_object()) below = bj::object{};
  auto& target = below.get_object();
  for (const auto& [key, value] : above.get_object()) {
    if (value.is_null())
      target.erase(key);
    else
      merge(target[key], value);
  }
}

/// The first failure wins; what follows it is read and thrown away.
class Reader {
 public:
  explicit Reader(const std::vector<Source>& sources) : sources_(sources) {}

  Result<Registry> read(bj::value& tree) {
    Registry registry;
    auto* top = object(tree, "");
    if (top == nullptr) return *failure_;
    check_names(
        *top, "",
        {"providers", "version", "last_updated", "description", "notes", "source_docs", "cost_tiers", "capability_tags",
         "default_fallback_chain", "registry_auto_populated", "selection_order", "user_overrides"});
    registry.selection_order = texts(*top, "", "selection_order");
    auto* providers = top->if_contains("providers");
    auto* entries = providers != nullptr ? object(*providers, "/providers") : nullptr;
    if (entries != nullptr) {
      inherit(*entries);
      for (auto& [name, value] : *entries) {
        const auto at = "/providers/" + json::pointer_token(name);
        if (auto* entry = object(value, at)) registry.providers.push_back(provider(name, *entry, at));
      }
    }
    if (failure_) return *failure_;
    registry.warnings = std::move(warnings_);
    return registry;
  }

 private:
  /// The topmost text that has something at `pointer`, or at the nearest place above it.
  std::string owner(std::string pointer) const {
    while (true) {
      for (auto source = sources_.rbegin(); source != sources_.rend(); ++source) {
        boost::system::error_code code;
        if (source->tree.find_pointer(pointer, code) != nullptr) return source->name;
      }
      const auto slash = pointer.rfind('/');
      if (slash == std::string::npos) return sources_.front().name;
      pointer.resize(slash);
    }
  }

  void fail(const std::string& at, std::string message, std::string hint = {}) {
    if (!failure_) failure_ = Error{Errc::provider_config, std::move(message), owner(at) + " " + at, std::move(hint)};
  }
  void warn(const std::string& at, const std::string& message) {
    if (warnings_.size() < kWarningsMax) warnings_.push_back(owner(at) + " " + at + ": " + message);
  }

  bj::object* object(bj::value& value, const std::string& at) {
    if (!value.is_object()) fail(at, "An object is expected here.");
    return value.if_object();
  }
  const bj::object* object_in(const bj::object& in, const std::string& at, std::string_view key) {
    const auto* value = in.if_contains(key);
    if (value == nullptr) return nullptr;
    if (!value->is_object()) fail(at + "/" + std::string(key), "An object is expected here.");
    return value->if_object();
  }
  void check_names(const bj::object& in, const std::string& at, Names known) {
    for (const auto& [key, value] : in) {
      const std::string_view name(key.data(), key.size());
      if (name.starts_with('_') || std::find(known.begin(), known.end(), name) != known.end()) continue;
      warn(at + "/" + json::pointer_token(name), "unknown field, it has no effect.");
    }
  }
  std::string text(const bj::object& in, const std::string& at, std::string_view key) {
    const auto* value = in.if_contains(key);
    if (value == nullptr) return {};
    if (!value->is_string()) {
      fail(at + "/" + std::string(key), "Text is expected here.");
      return {};
    }
    return std::string(value->get_string());
  }
  std::vector<std::string> texts(const bj::object& in, const std::string& at, std::string_view key) {
    std::vector<std::string> list;
    const auto* value = in.if_contains(key);
    if (value == nullptr) return list;
    if (!value->is_array()) {
      fail(at + "/" + std::string(key), "A list of texts is expected here.");
      return list;
    }
    for (const auto& entry : value->get_array()) {
      if (entry.is_string())
        list.emplace_back(entry.get_string());
      else
        fail(at + "/" + std::string(key), "A list of texts is expected here.");
    }
    return list;
  }
  bool flag(const bj::object& in, const std::string& at, std::string_view key, bool fallback) {
    const auto* value = in.if_contains(key);
    if (value == nullptr) return fallback;
    if (!value->is_bool()) fail(at + "/" + std::string(key), "true or false is expected here.");
    return value->is_bool() ? value->get_bool() : fallback;
  }
  template <class T>
  std::optional<T> count(const bj::object& in, const std::string& at, std::string_view key) {
    const auto* value = in.if_contains(key);
    if (value == nullptr) return std::nullopt;
    boost::system::error_code code;
    const auto number = value->is_number() ? value->to_number<std::int64_t>(code) : std::int64_t{-1};
    constexpr std::uint64_t kMost = std::min<std::uint64_t>(std::numeric_limits<T>::max(), 1'000'000'000'000);
    if (code || number < 0 || static_cast<std::uint64_t>(number) > kMost) {
      fail(at + "/" + std::string(key), "A whole number from 0 to " + std::to_string(kMost) + " is expected here.");
      return std::nullopt;
    }
    return static_cast<T>(number);
  }
  /// US dollars as decimal text or a number.
  std::optional<std::uint64_t> usd(const bj::object& in, const std::string& at, std::string_view key) {
    const auto* value = in.if_contains(key);
    if (value == nullptr) return std::nullopt;
    std::optional<std::uint64_t> micros;
    if (value->is_string()) micros = micros_of({value->get_string().data(), value->get_string().size()});
    if (value->is_number()) micros = micros_of(json::canonical(*value));
    if (!micros)
      fail(at + "/" + std::string(key), "An amount of US dollars such as \"2.50\" is expected here.",
           "At most six decimals, from 0 to 1000000.");
    return micros;
  }

  /// Entries that are another name of one start from what that says.
  void inherit(bj::object& entries) {
    for (auto& [name, value] : entries) {
      const auto at = "/providers/" + json::pointer_token(name);
      if (!value.is_object()) continue;
      const auto base = text(value.get_object(), at, "same_as");
      if (base.empty()) continue;
      const auto* below = entries.if_contains(base);
      if (below == nullptr || !below->is_object() || below->get_object().contains("same_as") || base == name) {
        fail(at + "/same_as", "There is no provider '" + base + "' that this could be another name of.");
        continue;
      }
      bj::value whole = *below;
      merge(whole, value);
      value = std::move(whole);
    }
  }

  ProviderKind kind(const bj::object& in, const std::string& at) {
    const auto type = text(in, at, "type");
    if (type.empty() || type == "cloud_api" || type == "cloud") return ProviderKind::cloud;
    if (type == "local" || type == "local_proxy") return ProviderKind::local;
    if (type == "mcp_server" || type == "process" || type == "script") return ProviderKind::process;
    fail(at + "/type", "There is no type '" + type + "'.",
         "Write cloud_api, local, local_proxy, script or mcp_server.");
    return ProviderKind::cloud;
  }

  ProviderEntry provider(std::string_view name, const bj::object& in, const std::string& at) {
    check_names(in, at, {"display_name", "type",         "endpoint",        "endpoint_env_var",
                         "auth_type",    "auth_methods", "auth_policy_url", "auth_policy_note",
                         "env_vars",     "compliance",   "models",          "adapter",
                         "api_version",  "key_required", "default_model",   "limits",
                         "notes",        "same_as",      "api_key",         "tested",
                         "command",      "local"});
    ProviderEntry entry;
    entry.name = name;
    entry.display_name = text(in, at, "display_name");
    entry.kind = kind(in, at);
    entry.same_as = text(in, at, "same_as");
    entry.adapter = text(in, at, "adapter");
    entry.base_url = text(in, at, "endpoint");
    while (entry.base_url.ends_with('/')) entry.base_url.pop_back();
    entry.base_url_variable = text(in, at, "endpoint_env_var");
    entry.api_version = text(in, at, "api_version");
    entry.key_variables = texts(in, at, "env_vars");
    entry.key_required = flag(in, at, "key_required", true);
    entry.default_model = text(in, at, "default_model");
    entry.notes = text(in, at, "notes");
    if (const auto* limits = object_in(in, at, "limits")) entry.limits = limits_of(*limits, at + "/limits");
    read_command(entry, in, at);
    const bool http = entry.base_url.starts_with("http://") || entry.base_url.starts_with("https://");
    if (!entry.adapter.empty() && !http && !is_program(entry.base_url))
      fail(at + "/endpoint", "An address with http:// or https:// is expected here.");
    if (const auto* rules = object_in(in, at, "compliance"))
      entry.compliance = compliance(*rules, at + "/compliance", entry.limits);
    if (const auto* models = object_in(in, at, "models"))
      for (const auto& [id, value] : *models) {
        const auto model_at = at + "/models/" + json::pointer_token({id.data(), id.size()});
        if (value.is_object())
          entry.models.push_back(model({id.data(), id.size()}, value.get_object(), model_at));
        else
          fail(model_at, "An object is expected here.");
      }
    return entry;
  }

  /// What is reached by starting it. Its command takes the place of an address.
  void read_command(ProviderEntry& entry, const bj::object& in, const std::string& at) {
    entry.program_stays = flag(in, at, "local", false);
    const auto command = texts(in, at, "command");
    if (text(in, at, "type") == "script" && entry.adapter.empty()) entry.adapter = "script";
    const bool program = entry.adapter == "script" || entry.adapter == "codex";
    if (command.empty() && !program) return;
    if (!program) return fail(at + "/command", "Only a provider of type script has a command.");
    if (const auto checked = check_command(command); !checked)
      return fail(at + "/command", checked.error().message, checked.error().hint);
    entry.base_url = program_address(command);
    if (!entry.limits.concurrency) entry.limits.concurrency = kProgramCallsDefault;
  }

  ProviderLimits limits_of(const bj::object& in, const std::string& at) {
    check_names(in, at, {"concurrency", "requests_per_minute", "tokens_per_minute", "usd_per_day"});
    ProviderLimits limits;
    limits.concurrency = count<std::uint32_t>(in, at, "concurrency");
    limits.requests_per_minute = count<std::uint32_t>(in, at, "requests_per_minute");
    limits.tokens_per_minute = count<std::uint64_t>(in, at, "tokens_per_minute");
    if (limits.concurrency == 0U) fail(at + "/concurrency", "At least 1 is expected here.");
    if (const auto micros = usd(in, at, "usd_per_day"))
      limits.usd_per_day = MicroUsd{static_cast<std::int64_t>(*micros)};
    return limits;
  }

  ProviderCompliance compliance(const bj::object& in, const std::string& at, ProviderLimits& limits) {
    check_names(in, at,
                {"requires_tos_acceptance", "tos_url", "data_residency", "allowed_use_cases", "restricted_use_cases",
                 "rate_limit_per_minute", "audit_required", "api_key_location"});
    ProviderCompliance rules;
    rules.requires_tos_acceptance = flag(in, at, "requires_tos_acceptance", false);
    rules.audit_required = flag(in, at, "audit_required", false);
    rules.tos_url = text(in, at, "tos_url");
    rules.data_residency = texts(in, at, "data_residency");
    rules.allowed_uses = texts(in, at, "allowed_use_cases");
    rules.restricted_uses = texts(in, at, "restricted_use_cases");
    // Hillstar's place for it, where 0 is no limit.
    const auto rate = count<std::uint32_t>(in, at, "rate_limit_per_minute");
    if (rate.value_or(0) > 0 && !limits.requests_per_minute) limits.requests_per_minute = rate;
    return rules;
  }

  ModelEntry model(std::string_view id, const bj::object& in, const std::string& at) {
    check_names(in, at,
                {"display_name",
                 "api_id",
                 "aliases",
                 "context_window",
                 "max_output_tokens",
                 "pricing",
                 "capabilities",
                 "tier",
                 "default_temperature",
                 "default_sampling_params",
                 "supports_temperature",
                 "reasoning_model",
                 "extended_thinking",
                 "coding_focused",
                 "requires_ollama",
                 "ollama_model_name",
                 "ollama_model",
                 "requires_gpu",
                 "gpu_vram_min_gb",
                 "note",
                 "notes"});
    ModelEntry entry;
    entry.id = id;
    entry.api_id = text(in, at, "api_id");
    entry.aliases = texts(in, at, "aliases");
    entry.display_name = text(in, at, "display_name");
    entry.context_tokens = count<std::uint64_t>(in, at, "context_window");
    entry.max_output_tokens = count<std::uint32_t>(in, at, "max_output_tokens");
    entry.capabilities = texts(in, at, "capabilities");
    if (const auto* pricing = object_in(in, at, "pricing")) entry.prices = prices(*pricing, at + "/pricing");
    if (const auto* temperature = in.if_contains("default_temperature")) {
      if (temperature->is_number())
        entry.default_temperature = temperature->to_number<double>();
      else
        fail(at + "/default_temperature", "A number is expected here.");
    }
    entry.tier = tier(in, at);
    if (!entry.tier && entry.prices) entry.tier = tier_of_price(entry.prices->output);
    entry.runs_elsewhere = is_cloud_model_name(entry.sent());
    return entry;
  }

  std::optional<Tier> tier(const bj::object& in, const std::string& at) {
    const auto name = text(in, at, "tier");
    if (name.empty()) return std::nullopt;
    for (const auto tier : {Tier::free, Tier::affordable, Tier::standard, Tier::expensive, Tier::premium})
      if (tier_name(tier) == name) return tier;
    fail(at + "/tier", "There is no tier '" + name + "'.", "Write free, affordable, standard, expensive or premium.");
    return std::nullopt;
  }

  std::optional<ModelPrices> prices(const bj::object& in, const std::string& at) {
    check_names(in, at,
                {"input_per_1m_usd", "output_per_1m_usd", "cached_input_per_1m_usd", "cache_write_per_1m_usd",
                 "cache_storage_per_1m_per_hour_usd"});
    const auto input = usd(in, at, "input_per_1m_usd");
    const auto output = usd(in, at, "output_per_1m_usd");
    if (!input && !output) return std::nullopt;
    ModelPrices prices;
    prices.input = input.value_or(0);
    prices.output = output.value_or(0);
    prices.cached_input = usd(in, at, "cached_input_per_1m_usd");
    prices.cache_write = usd(in, at, "cache_write_per_1m_usd");
    return prices;
  }

  const std::vector<Source>& sources_;
  std::optional<Error> failure_;
  std::vector<std::string> warnings_;
};

}  // namespace

Result<Registry> read_registry(const std::vector<RegistryText>& texts) {
  std::vector<Source> sources;
  bj::value whole = bj::object{};
  for (const auto& [name, text] : texts) {
    auto tree = json::parse(text, {.bytes_max = kRegistryBytesMax, .depth_max = kDepthMax});
    if (!tree)
      return Error{Errc::provider_config, "The provider registry is no JSON: " + tree.error().message,
                   name + ":" + tree.error().where, tree.error().hint};
    if (!tree->is_object())
      return Error{Errc::provider_config, "The provider registry must be one JSON object.", name, {}};
    // Hillstar's wizard writes here what it found out about local servers.
    auto* overrides = tree->get_object().if_contains("user_overrides");
    if (overrides != nullptr && overrides->is_object()) merge(*tree, bj::value(*overrides));
    merge(whole, *tree);
    sources.push_back({name, std::move(*tree)});
  }
  if (sources.empty()) return Registry{};
  return Reader(sources).read(whole);
}

}  // namespace hillstar::policy
