// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/compliance.hpp"

#include <boost/json.hpp>
#include <string_view>
#include <vector>

namespace hillstar::policy {
namespace {

namespace bj = boost::json;

bool asks_for_anything(const ProviderCompliance& compliance) {
  return compliance.requires_tos_acceptance || compliance.audit_required || !compliance.restricted_uses.empty();
}

bool is_true(const bj::value* said, std::string_view key) {
  const auto* value = said == nullptr ? nullptr : json::member(*said, key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

std::string list_of(const std::vector<std::string>& parts, std::string_view between) {
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "" : std::string(between)) + part;
  return text;
}

}  // namespace

const ProviderEntry* bound_by(const Registry& registry, const Backend& backend) {
  if (backend.is_near || is_near(backend.base_url)) return nullptr;
  const auto* entry = registry.find(backend.provider_label);
  if (entry != nullptr && asks_for_anything(entry->compliance)) return entry;
  const auto host = host_of(backend.base_url);
  if (host.empty()) return nullptr;
  for (const auto& known : registry.providers)
    if (asks_for_anything(known.compliance) && host_of(known.base_url) == host) return &known;
  return nullptr;
}

Result<void> check_terms(const Registry& registry, const Backend& backend, const Json& provider_config,
                         const std::string& where) {
  const auto* entry = bound_by(registry, backend);
  if (entry == nullptr) return {};
  const auto config = provider_config.value();
  // What is said of a provider holds under its other names too.
  const auto* said = json::member(config, entry->name);
  if (said == nullptr) said = json::member(config, backend.provider_label);
  if (said == nullptr && !entry->same_as.empty()) said = json::member(config, entry->same_as);
  const auto& asked = entry->compliance;
  std::vector<std::string> missing;
  std::string why;
  if (asked.requires_tos_acceptance && !is_true(said, "tos_accepted")) {
    missing.emplace_back("\"tos_accepted\": true");
    why += " its terms of service" + (asked.tos_url.empty() ? "" : " (" + asked.tos_url + ")") + " are accepted;";
  }
  if (asked.audit_required && !is_true(said, "audit_enabled")) {
    missing.emplace_back("\"audit_enabled\": true");
    why += " its calls are audited;";
  }
  if (!asked.restricted_uses.empty() && !is_true(said, "restricted_use_acknowledged")) {
    missing.emplace_back("\"restricted_use_acknowledged\": true");
    why += " it is not used for " + list_of(asked.restricted_uses, ", ") + ";";
  }
  if (missing.empty()) return {};
  why.back() = '.';
  return Error{Errc::terms_not_accepted,
               "Provider '" + entry->name + "' may be used once provider_config." + entry->name + " says that" + why,
               where,
               "If that is so, write \"provider_config\": {\"" + entry->name + "\": {" + list_of(missing, ", ") +
                   "}} into the workflow. What is asked for stands in the registry of providers."};
}

}  // namespace hillstar::policy
