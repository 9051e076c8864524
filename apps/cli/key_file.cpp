// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/key_file.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <functional>

#include "apps/cli/configuration.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/private_file.hpp"
#include "messages/json.hpp"
#include "runtime/policy/registry.hpp"
#include "runtime/run/hillstar_json.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

/// The name that a line sets; empty if it sets none.
std::string name_in(std::string_view line) {
  std::vector<std::string> one;
  add_variables(one, line);
  return one.empty() ? std::string() : one[0].substr(0, one[0].find('='));
}

bool is_quoted(const std::string& value) {
  return value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front();
}

/// Each object of a provider, at both places where there may be some.
void each_provider(bj::value& tree, const std::function<void(const std::string&, bj::object&)>& visit) {
  const auto member = [](bj::value* in, std::string_view key) -> bj::value* {
    return in != nullptr && in->is_object() ? in->get_object().if_contains(key) : nullptr;
  };
  for (auto* providers : {member(&tree, "providers"), member(member(&tree, "user_overrides"), "providers")}) {
    if (providers == nullptr || !providers->is_object()) continue;
    for (auto& [name, entry] : providers->get_object())
      if (entry.is_object()) visit(name, entry.get_object());
  }
}

std::string trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin));
}

}  // namespace

std::string secrets_file(const std::vector<std::string>& environment) {
  const auto folder = config_folder(environment);
  return folder.empty() ? folder : folder + "/secrets.env";
}

std::vector<std::string> secrets_files(const std::vector<std::string>& environment) {
  std::vector<std::string> files;
  if (auto own = secrets_file(environment); !own.empty()) files.push_back(std::move(own));
  if (const auto home = variable(environment, "HOME"); home && !home->empty())
    if (auto known = absolute_path(*home) + "/.config/hillstar/secrets.env"; files.empty() || files[0] != known)
      files.push_back(std::move(known));
  return files;
}

std::vector<std::string> variables_in(std::string_view text) {
  std::vector<std::string> variables;
  add_variables(variables, text);
  return variables;
}

std::string with_variable(std::string_view text, std::string_view name, const std::optional<std::string>& value) {
  std::string line;
  if (value) {
    const std::string quote = !is_quoted(*value) ? "" : value->front() == '"' ? "'" : "\"";
    line = std::string(name) + "=" + quote + *value + quote + "\n";
  }
  std::string made;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto old = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (name_in(old) != name) {
      made += std::string(old) + "\n";
      continue;
    }
    made += line;
    line.clear();
  }
  return made + line;
}

std::vector<PlainKey> plain_keys(const std::vector<std::string>& environment) {
  std::vector<std::string> files;
  if (const auto home = variable(environment, "HOME"); home && !home->empty())
    files.push_back(*home + "/.hillstar/provider_registry.json");
  if (const auto named = variable(environment, "HILLSTAR_REGISTRY"); named && !named->empty())
    files.push_back(absolute_path(*named));
  std::vector<PlainKey> keys;
  for (const auto& file : files) {
    const auto text = read_file(file, Errc::io, policy::kRegistryBytesMax);
    if (!text || text->find("\"api_key\"") == std::string::npos) continue;
    auto tree = json::parse(*text, {.bytes_max = policy::kRegistryBytesMax, .depth_max = 16});
    if (!tree) continue;
    each_provider(*tree, [&](const std::string& name, const bj::object& entry) {
      const auto* key = entry.if_contains("api_key");
      if (key == nullptr || !key->is_string()) return;
      auto value = trimmed({key->get_string().data(), key->get_string().size()});
      // `${NAME}` names a variable and is no key.
      if (!value.empty() && !value.starts_with("${")) keys.push_back({name, std::move(value), file});
    });
  }
  return keys;
}

Result<void> remove_plain_keys(const std::string& file) {
  return change_private_file(file, [&file](const auto& text) -> Result<std::optional<std::string>> {
    if (!text) return std::optional<std::string>();
    auto tree = json::parse(*text, {.bytes_max = policy::kRegistryBytesMax, .depth_max = 16});
    if (!tree) return Error{tree.error().code, tree.error().message, file + ":" + tree.error().where, {}};
    each_provider(*tree, [](const std::string&, bj::object& entry) {
      if (const auto found = entry.find("api_key"); found != entry.end()) entry.stable_erase(found);
    });
    return std::optional<std::string>(run::indented_json(*tree) + "\n");
  });
}

}  // namespace hillstar::cli
