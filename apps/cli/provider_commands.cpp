// SPDX-License-Identifier: Apache-2.0
// providers ls, providers models: what the registry knows. Keys are looked for, never shown.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "apps/cli/commands.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/json_fields.hpp"
#include "apps/cli/registry_file.hpp"
#include "apps/cli/run_variables.hpp"
#include "apps/cli/text.hpp"
#include "runtime/workflow/did_you_mean.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;
using policy::ModelEntry;
using policy::ProviderEntry;

/// The variable that holds its key, or empty.
std::string key_set(const ProviderEntry& entry, const std::vector<std::string>& environment) {
  for (const auto& name : entry.key_variables)
    if (const auto value = variable(environment, name);
        value && value->find_first_not_of(" \t\r\n") != std::string::npos)
      return name;
  return {};
}

std::string key_words(const ProviderEntry& entry, const std::string& holder) {
  if (entry.key_variables.empty()) return "none needed";
  if (!holder.empty()) return "set (" + holder + ")";
  std::string names;
  for (const auto& name : entry.key_variables) names += (names.empty() ? "" : " or ") + name;
  return (entry.key_required ? "missing (" : "not set, optional (") + names + ")";
}

/// `2.5`, as price lists have it.
std::string usd_words(std::uint64_t micros) {
  auto text = fmt::format("{}.{:06}", micros / 1'000'000, micros % 1'000'000);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

/// The variable that replaces it counts, as it does for calls.
std::string address_of(const ProviderEntry& entry, const std::vector<std::string>& environment) {
  if (entry.base_url_variable.empty()) return entry.base_url;
  auto set = variable(environment, entry.base_url_variable).value_or("");
  return set.empty() ? entry.base_url : set;
}

bj::object json_of(const ProviderEntry& entry, const std::string& holder, const std::string& address) {
  const auto& rules = entry.compliance;
  bj::object limits{{"concurrency", or_null(entry.limits.concurrency)},
                    {"requests_per_minute", or_null(entry.limits.requests_per_minute)},
                    {"tokens_per_minute", or_null(entry.limits.tokens_per_minute)},
                    {"usd_per_day_micros", or_null(entry.limits.usd_per_day)}};
  return {{"name", entry.name},
          {"display_name", entry.display_name},
          {"kind", policy::kind_name(entry.kind)},
          {"available", !entry.adapter.empty()},
          {"adapter", entry.adapter},
          {"address", json::to_utf8(address)},
          {"same_as", entry.same_as},
          {"key_variables", bj::value_from(entry.key_variables)},
          {"key_set", !holder.empty()},
          {"key_needed", !entry.key_variables.empty() && entry.key_required},
          {"default_model", entry.default_model},
          {"models", entry.models.size()},
          {"limits", std::move(limits)},
          {"requires_tos_acceptance", rules.requires_tos_acceptance},
          {"tos_url", rules.tos_url},
          {"restricted_use_cases", bj::value_from(rules.restricted_uses)},
          {"notes", entry.notes}};
}

bj::object json_of(const ProviderEntry& entry, const ModelEntry& model) {
  bj::object out{{"provider", entry.name},
                 {"model", model.id},
                 {"sent_as", model.sent()},
                 {"aliases", bj::value_from(model.aliases)},
                 {"tier", model.tier ? bj::value(policy::tier_name(*model.tier)) : bj::value(nullptr)},
                 {"context_tokens", or_null(model.context_tokens)},
                 {"max_output_tokens", or_null(model.max_output_tokens)},
                 {"capabilities", bj::value_from(model.capabilities)},
                 {"runs_elsewhere", model.runs_elsewhere}};
  auto& price = out["usd_per_million_tokens"];
  if (!model.prices) return out;
  price = bj::object{{"input", usd_words(model.prices->input)}, {"output", usd_words(model.prices->output)}};
  if (const auto cached = model.prices->cached_input) price.get_object()["cached_input"] = usd_words(*cached);
  if (const auto written = model.prices->cache_write) price.get_object()["cache_write"] = usd_words(*written);
  return out;
}

bool names(const std::vector<std::string>& only, const std::string& name) {
  return std::find(only.begin(), only.end(), name) != only.end();
}

void list_providers(Output& output, const policy::Registry& registry, const std::vector<std::string>& only,
                    const std::vector<std::string>& environment) {
  bj::array all;
  std::vector<std::vector<std::string>> rows{{"NAME", "KIND", "ADDRESS", "KEY", "MODELS"}};
  for (const auto& entry : registry.providers) {
    if (!only.empty() && !names(only, entry.name)) continue;
    const auto holder = key_set(entry, environment);
    const auto address = address_of(entry, environment);
    all.push_back(json_of(entry, holder, address));
    rows.push_back({visible(entry.name), std::string(policy::kind_name(entry.kind)),
                    entry.adapter.empty() ? "(not available in this release)" : visible(address),
                    entry.adapter.empty() ? "" : key_words(entry, holder), std::to_string(entry.models.size())});
  }
  if (output.is_json()) return output.data(Json::of(std::move(all)));
  for (const auto& line : table(rows)) output.data(line);
}

void list_models(Output& output, const policy::Registry& registry, const std::vector<std::string>& only) {
  bj::array all;
  std::vector<std::vector<std::string>> rows{
      {"PROVIDER", "MODEL", "TIER", "IN $/M", "OUT $/M", "CONTEXT", "REPLY", "ALSO"}};
  for (const auto& entry : registry.providers) {
    // Other names of a provider have the same models; they are shown to whoever asks for them.
    if (only.empty() ? !entry.same_as.empty() : !names(only, entry.name)) continue;
    for (const auto& model : entry.models) {
      all.push_back(json_of(entry, model));
      std::string also;
      for (const auto& alias : model.aliases) also += (also.empty() ? "" : ", ") + visible(alias);
      rows.push_back(
          {visible(entry.name), visible(model.id), model.tier ? std::string(policy::tier_name(*model.tier)) : "-",
           model.prices ? usd_words(model.prices->input) : "-", model.prices ? usd_words(model.prices->output) : "-",
           model.context_tokens ? std::to_string(*model.context_tokens) : "-",
           model.max_output_tokens ? std::to_string(*model.max_output_tokens) : "-", also});
    }
  }
  if (output.is_json()) return output.data(Json::of(std::move(all)));
  for (const auto& line : table(rows)) output.data(line);
}

}  // namespace

Result<Exit> show_providers(Context& context, const ProviderArgs& args) {
  HILLSTAR_TRY(const auto registry, load_registry(context.environment));
  for (const auto& warning : registry->warnings) context.output.warn("warning: " + visible(warning));
  for (const auto& name : args.names) {
    // Usage names what a history names.
    if (args.what == "usage" || registry->find(name) != nullptr) continue;
    std::vector<std::string_view> known;
    for (const auto& entry : registry->providers) known.emplace_back(entry.name);
    const auto hint = workflow::did_you_mean(name, known);
    return Error{Errc::not_found,
                 "There is no provider '" + name + "' in the registry.",
                 {},
                 hint.empty() ? "`hillstar-actors providers ls` lists them." : hint};
  }
  if (args.what == "test") return test_providers(context, args);
  if (args.what == "usage") return show_usage(context, args);
  HILLSTAR_TRY(auto variables, read_variables(context.environment, {".", {}}, *registry));
  add_from_keyring(variables, missing_keys(*registry, args.names, variables.environment));
  for (const auto& warning : variables.warnings) context.output.warn("warning: " + visible(warning));
  const auto& environment = variables.environment;
  if (args.what == "models")
    list_models(context.output, *registry, args.names);
  else
    list_providers(context.output, *registry, args.names, environment);
  return Exit::done;
}

}  // namespace hillstar::cli
