// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/run_variables.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <tuple>

#include "apps/cli/environment.hpp"
#include "apps/cli/key_file.hpp"
#include "apps/cli/keyring.hpp"
#include "apps/cli/private_file.hpp"
#include "runtime/policy/known_secrets.hpp"
#include "runtime/policy/model_choice.hpp"

namespace hillstar::cli {
namespace {

constexpr std::size_t kFileBytesMax = 1U << 20U;

std::string name_of(const std::string& entry) { return entry.substr(0, entry.find('=')); }

bool is_set(const std::vector<std::string>& environment, std::string_view name) {
  return !variable(environment, name).value_or("").empty();
}

/// An address, and the keys that would be sent to it.
struct Address {
  std::string variable;
  std::vector<std::string> keys;
};

std::vector<Address> addresses_of(const policy::Registry& registry) {
  std::vector<Address> all{{"HILLSTAR_ROUTER_URL", {"HILLSTAR_ROUTER_KEY"}}};
  for (const auto& entry : registry.providers)
    if (!entry.base_url_variable.empty()) all.push_back({entry.base_url_variable, entry.key_variables});
  return all;
}

/// Whether the file of a project, which may come from a stranger, may set that variable.
bool may_set(const std::string& name, const std::vector<std::string>& file, const Variables& variables,
             const std::vector<Address>& addresses) {
  constexpr std::array<std::string_view, 12> kNever{"SSL_CERT_FILE", "SSL_CERT_DIR", "https_proxy", "HTTPS_PROXY",
                                                    "http_proxy",    "HTTP_PROXY",   "all_proxy",   "ALL_PROXY",
                                                    "no_proxy",      "NO_PROXY",     "TMPDIR",      "HOME"};
  // What a dynamic linker, a session bus or a search for files goes by starts programs, or leads to other keys.
  // Variables of git name programs that it runs; those that say who commits do not.
  constexpr std::array<std::string_view, 4> kNeverBegins{"LD_", "DBUS_", "XDG_", "GIT_"};
  if (std::find(kNever.begin(), kNever.end(), name) != kNever.end()) return false;
  const bool is_person = name.starts_with("GIT_AUTHOR_") || name.starts_with("GIT_COMMITTER_");
  if (!is_person &&
      std::any_of(kNeverBegins.begin(), kNeverBegins.end(), [&](auto begin) { return name.starts_with(begin); }))
    return false;
  for (const auto& address : addresses) {
    if (address.variable != name) continue;
    // Its own key may go where it says; another one may not.
    const bool brings_key = std::any_of(address.keys.begin(), address.keys.end(), [&](const std::string& key) {
      return is_set(file, key) && !is_set(variables.environment, key);
    });
    if (!brings_key) return false;
  }
  // More may be masked, not less.
  constexpr std::array<std::string_view, 3> kFree{"HILLSTAR_ROUTER_URL", "HILLSTAR_ROUTER_KEY", "HILLSTAR_REDACT_ON"};
  return !name.starts_with("HILLSTAR_") || std::find(kFree.begin(), kFree.end(), name) != kFree.end();
}

void add(Variables& variables, std::string entry, const std::string& place) {
  const auto name = name_of(entry);
  if (variable(variables.environment, name)) return;
  variables.environment.push_back(std::move(entry));
  variables.places[name] = place;
}

void add_project_file(Variables& variables, const std::string& path, std::string_view text,
                      const policy::Registry& registry) {
  const auto file = variables_in(text);
  const auto addresses = addresses_of(registry);
  std::string refused;
  const auto before = variables;
  for (const auto& entry : file) {
    const auto name = name_of(entry);
    if (variable(before.environment, name)) continue;
    if (may_set(name, file, before, addresses))
      add(variables, entry, path);
    else
      refused += (refused.empty() ? "" : ", ") + name;
  }
  if (!refused.empty())
    variables.warnings.push_back(
        refused + " of " + path +
        " is not used: a project does not say where keys go, what is trusted and what is not masked. Export it, or "
        "name the file with --env-file.");
}

void add_plain_keys(Variables& variables, const std::vector<std::string>& environment,
                    const policy::Registry& registry) {
  std::set<std::string> files;
  for (const auto& [provider, value, file] : plain_keys(environment)) {
    const auto* entry = registry.find(provider);
    const std::string name =
        entry == nullptr || entry->key_variables.empty() ? std::string() : entry->key_variables.front();
    files.insert(file);
    if (name.empty())
      variables.warnings.push_back("api_key of " + provider + " in " + file +
                                   " is not used: the provider has no env_vars that could name it.");
    else if (!std::any_of(entry->key_variables.begin(), entry->key_variables.end(),
                          [&](const auto& key) { return is_set(variables.environment, key); }))
      add(variables, name + "=" + value, file);
  }
  for (const auto& file : files)
    variables.warnings.push_back(
        file + " holds keys in plain text; `hillstar-actors secrets move` takes them to where keys are kept.");
}

}  // namespace

Result<Variables> read_variables(const std::vector<std::string>& environment, const VariableFiles& files,
                                 const policy::Registry& registry) {
  Variables variables{environment, {}, {}};
  if (!files.given.empty()) {
    HILLSTAR_TRY(const auto text, read_file(files.given, Errc::io, kFileBytesMax));
    for (auto& entry : variables_in(text)) add(variables, std::move(entry), files.given);
  } else {
    for (std::filesystem::path here = absolute_path(files.folder);; here = here.parent_path()) {
      const auto path = (here / ".env").string();
      if (const auto text = read_file(path, Errc::io, kFileBytesMax)) {
        add_project_file(variables, path, *text, registry);
        break;
      }
      if (here == here.parent_path()) break;
    }
  }
  for (const auto& path : secrets_files(environment)) {
    const auto text = read_file(path, Errc::io, kFileBytesMax);
    if (!text) continue;
    for (auto& entry : variables_in(*text)) add(variables, std::move(entry), path);
    if (auto open = too_open(path)) variables.warnings.push_back(*std::move(open));
  }
  add_plain_keys(variables, environment, registry);
  return variables;
}

void add_from_keyring(Variables& variables, const std::vector<std::string>& names) {
  const Keyring keyring(variables.environment);
  if (names.empty() || !keyring.may_be_there()) return;
  std::vector<std::string> users;
  for (const auto& name : names) users.push_back(keyring_user(name));
  const auto found = keyring.find(users);
  if (!found) {
    // That there is none is the common case of servers; that it fails is worth a word.
    if (found.error().code != Errc::not_found) variables.warnings.push_back(to_string(found.error()));
    return;
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto value = found->values.find(users[i]);
    if (value != found->values.end() && !value->second.empty()) {
      add(variables, names[i] + "=" + value->second, "keyring");
    } else if (std::find(found->locked.begin(), found->locked.end(), users[i]) != found->locked.end()) {
      variables.warnings.push_back(names[i] +
                                   " is in the keyring, which is locked: unlock it, or export the variable.");
    }
  }
}

std::vector<std::string> missing_keys(const workflow::Plan& plan, const policy::Registry& registry,
                                      const std::vector<std::string>& environment) {
  std::vector<std::string> missing;
  const auto real = policy::look_up_in(environment);
  const policy::LookUp noting = [&](const std::string& name) {
    auto value = real(name);
    const bool is_key = !policy::secrets_of({name + "=0k1e2y3s4t"}).empty();
    if (!value && is_key && std::find(missing.begin(), missing.end(), name) == missing.end()) missing.push_back(name);
    return value;
  };
  std::set<std::tuple<std::string, std::string, std::string, std::string>> seen;
  for (const auto& node : plan.nodes) {
    if (node.tool != "model_call") continue;
    if (!seen.emplace(node.provider, node.model, node.complexity.value_or(""), node.parameters.text()).second) continue;
    (void)policy::choose(node, plan.model_config, policy::World{registry, noting, false, &plan.provider_config});
  }
  // GEMINI_API_KEY does where GOOGLE_API_KEY is missing.
  std::erase_if(missing, [&](const std::string& name) {
    return std::any_of(registry.providers.begin(), registry.providers.end(), [&](const auto& entry) {
      const auto& keys = entry.key_variables;
      return std::find(keys.begin(), keys.end(), name) != keys.end() &&
             std::any_of(keys.begin(), keys.end(),
                         [&](const auto& key) { return variable(environment, key).has_value(); });
    });
  });
  return missing;
}

std::vector<std::string> missing_keys(const policy::Registry& registry, const std::vector<std::string>& providers,
                                      const std::vector<std::string>& environment) {
  std::set<std::string> missing;
  for (const auto& entry : registry.providers) {
    if (!providers.empty() && std::find(providers.begin(), providers.end(), entry.name) == providers.end()) continue;
    const bool any = std::any_of(entry.key_variables.begin(), entry.key_variables.end(),
                                 [&](const auto& key) { return variable(environment, key).has_value(); });
    if (!any) missing.insert(entry.key_variables.begin(), entry.key_variables.end());
  }
  return {missing.begin(), missing.end()};
}

}  // namespace hillstar::cli
