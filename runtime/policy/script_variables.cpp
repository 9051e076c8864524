// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/script_variables.hpp"

#include <algorithm>
#include <array>

#include "runtime/policy/known_secrets.hpp"

namespace hillstar::policy {
namespace {

constexpr std::array<std::string_view, 5> kAgents{"SSH_AUTH_SOCK", "SSH_AGENT_PID", "GPG_AGENT_INFO",
                                                  "DBUS_SESSION_BUS_ADDRESS", "XAUTHORITY"};
constexpr std::array<std::string_view, 8> kSwitches{"0", "1", "true", "false", "yes", "no", "on", "off"};

/// No secret can be this, whatever the variable is called.
bool is_harmless(std::string_view value) {
  return value.empty() || value.starts_with('/') || value.starts_with("./") || value.starts_with("~/") ||
         std::find(kSwitches.begin(), kSwitches.end(), value) != kSwitches.end();
}

bool is_withheld(const std::string& entry, std::string_view name, const Redactor& redactor) {
  const auto value = std::string_view(entry).substr(std::min(entry.size(), name.size() + 1));
  if (std::find(kAgents.begin(), kAgents.end(), name) != kAgents.end()) return true;
  if (sounds_secret(name) && !is_harmless(value)) return true;
  return !secrets_of({entry}).empty() || (!redactor.empty() && redactor.finds(value));
}

}  // namespace

ScriptVariables script_variables(const std::vector<std::string>& environment, const std::vector<std::string>& named,
                                 const Redactor& redactor) {
  ScriptVariables result;
  result.given.reserve(environment.size());
  for (const auto& entry : environment) {
    const auto name = std::string_view(entry).substr(0, entry.find('='));
    const bool is_named = std::find(named.begin(), named.end(), name) != named.end();
    if (is_named || !is_withheld(entry, name, redactor))
      result.given.push_back(entry);
    else
      result.withheld.emplace_back(name);
  }
  return result;
}

}  // namespace hillstar::policy
