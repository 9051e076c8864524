// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/secrets_command.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <set>

#include "apps/cli/environment.hpp"
#include "apps/cli/key_file.hpp"
#include "apps/cli/private_file.hpp"
#include "apps/cli/prompt.hpp"
#include "apps/cli/registry_file.hpp"
#include "apps/cli/text.hpp"
#include "runtime/policy/known_secrets.hpp"
#include "runtime/workflow/did_you_mean.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

std::string name_of(const std::string& entry) { return entry.substr(0, entry.find('=')); }

bool is_variable(const std::string& name) {
  const auto part = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; };
  return !name.empty() && part(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return part(c) || (c >= '0' && c <= '9'); });
}

Result<bool> take_out_of_file(const std::string& path, const std::string& variable) {
  bool found = false;
  if (path.empty()) return found;
  const auto present = read_file(path, Errc::io, kPrivateFileBytesMax);
  if (!present) {
    if (present.error().code == Errc::not_found) return found;
    return present.error();
  }
  HILLSTAR_CHECK(change_private_file(path, [&](const auto& text) -> Result<std::optional<std::string>> {
    if (!text) return std::optional<std::string>();
    auto after = with_variable(*text, variable, std::nullopt);
    const auto before = variables_in(*text);
    found = std::any_of(before.begin(), before.end(), [&](const auto& entry) { return name_of(entry) == variable; });
    return found ? std::optional<std::string>(std::move(after)) : std::nullopt;
  }));
  return found;
}

Result<std::string> keep_in_file(const std::vector<std::string>& environment, const std::string& variable,
                                 const std::string& value) {
  const auto path = secrets_file(environment);
  if (path.empty()) return Error{Errc::usage, "There is no place for keys.", {}, "Set HOME, or XDG_CONFIG_HOME."};
  HILLSTAR_CHECK(change_private_file(path, [&](const auto& text) -> Result<std::optional<std::string>> {
    return std::optional<std::string>(with_variable(text.value_or(""), variable, value));
  }));
  return path;
}

Result<Exit> set(Context& context, const SecretsArgs& args, const policy::Registry& registry) {
  HILLSTAR_TRY(const auto variable_name, key_variable(args.name, registry));
  Answer answer;
  {
    Prompt prompt;
    answer = prompt.is_terminal() ? prompt.ask_hidden(variable_name + " (not shown): ") : prompt.ask_hidden("");
  }
  if (answer.signal != 0) return static_cast<Exit>(128 + answer.signal);
  if (answer.ended)
    return Error{Errc::usage, "No key was given.", {}, "Type it, or give it on stdin. Nothing was changed."};
  HILLSTAR_TRY(const auto value, checked_key(variable_name, answer.text));
  HILLSTAR_TRY(const auto place, keep_key(context.environment, variable_name, value, args.place));
  context.output.say(variable_name + " is kept in " + visible(place));
  if (variable(context.environment, variable_name))
    context.output.warn("note: the environment has another " + variable_name + ", which goes before it");
  return Exit::done;
}

struct Kept {
  std::string variable;
  std::string place;
  std::string note;
};

/// In the order in which they are looked for: the first of a name counts.
std::vector<Kept> all_kept(const Context& context, const policy::Registry& registry,
                           const Result<Keyring::Found>& ring) {
  std::vector<Kept> all;
  std::set<std::string> known;
  for (const auto& entry : registry.providers) known.insert(entry.key_variables.begin(), entry.key_variables.end());
  for (const auto& name : known)
    if (!variable(context.environment, name).value_or("").empty()) all.push_back({name, "environment", {}});
  for (const auto& path : secrets_files(context.environment))
    if (const auto text = read_file(path, Errc::io, kPrivateFileBytesMax))
      for (const auto& entry : variables_in(*text)) all.push_back({name_of(entry), path, too_open(path).value_or("")});
  for (const auto& key : plain_keys(context.environment)) {
    const auto* entry = registry.find(key.provider);
    const bool named = entry != nullptr && !entry->key_variables.empty();
    all.push_back({named ? entry->key_variables.front() : key.provider, key.file,
                   "in plain text; `hillstar-actors secrets move`"});
  }
  if (ring)
    for (const auto& user : ring->names) {
      const bool locked = std::find(ring->locked.begin(), ring->locked.end(), user) != ring->locked.end();
      all.push_back({variable_of_user(user), "keyring", locked ? "locked" : ""});
    }
  std::set<std::string> seen;
  for (auto& one : all)
    if (!seen.insert(one.variable).second)
      one.note += std::string(one.note.empty() ? "" : "; ") + "not used, the one above counts";
  return all;
}

Result<Exit> list(Context& context, const policy::Registry& registry) {
  const Keyring keyring(context.environment);
  const auto ring = keyring.find({});
  bj::array rows;
  std::vector<std::vector<std::string>> lines{{"NAME", "KEPT IN", "NOTE"}};
  for (const auto& [name, place, note] : all_kept(context, registry, ring)) {
    rows.push_back(
        bj::object{{"name", json::to_utf8(name)}, {"place", json::to_utf8(place)}, {"note", json::to_utf8(note)}});
    lines.push_back({visible(name), visible(place), visible(note)});
  }
  if (context.output.is_json())
    context.output.data(Json::of(rows));
  else if (lines.size() == 1)
    context.output.say("No keys are kept. `hillstar-actors secrets set anthropic` keeps one.");
  else
    for (const auto& line : table(lines)) context.output.data(line);
  if (!ring && ring.error().code != Errc::not_found) context.output.warn("warning: " + to_string(ring.error()));
  if (!ring && ring.error().code == Errc::not_found && context.output.verbose())
    context.output.say(ring.error().message);
  return Exit::done;
}

Result<Exit> remove(Context& context, const SecretsArgs& args, const policy::Registry& registry) {
  // What is kept under another name than one that could be set now can be removed, too.
  const auto resolved = key_variable(args.name, registry);
  if (args.name.empty()) return resolved.error();
  const std::string name = resolved ? *resolved : args.name;
  std::string places;
  const auto removed_from = [&places](const std::string& place) { places += (places.empty() ? "" : " and ") + place; };
  if (args.place != "keyring")
    for (const auto& path : secrets_files(context.environment)) {
      HILLSTAR_TRY(const bool found, take_out_of_file(path, name));
      if (found) removed_from(path);
    }
  if (args.place != "file") {
    const auto removed = Keyring(context.environment).remove(keyring_user(name));
    if (!removed && removed.error().code != Errc::not_found && places.empty()) return removed.error();
    if (removed && *removed) removed_from("the keyring");
  }
  if (places.empty())
    return Error{Errc::not_found, "No key '" + name + "' is kept.", {}, "`hillstar-actors secrets ls` lists them."};
  context.output.say(name + " is removed from " + visible(places));
  return Exit::done;
}

/// Keys of registry files go to where keys are kept, and out of these files.
Result<Exit> move(Context& context, const SecretsArgs& args, const policy::Registry& registry) {
  std::set<std::string> files;
  std::map<std::string, std::string> left;
  for (const auto& key : plain_keys(context.environment)) {
    const auto* entry = registry.find(key.provider);
    if (entry == nullptr || entry->key_variables.empty()) {
      left[key.file] = key.provider;
      continue;
    }
    HILLSTAR_TRY(const auto value, checked_key(entry->key_variables.front(), key.value));
    HILLSTAR_TRY(const auto place, keep_key(context.environment, entry->key_variables.front(), value, args.place));
    context.output.say(entry->key_variables.front() + " is kept in " + visible(place));
    files.insert(key.file);
  }
  for (const auto& [file, provider] : left)
    return Error{Errc::provider_config, "Provider '" + provider + "' has a key, but no env_vars that could name it.",
                 file, "Add \"env_vars\": [\"NAME_API_KEY\"] to it, and move again. Nothing was taken out."};
  for (const auto& file : files) {
    HILLSTAR_CHECK(remove_plain_keys(file));
    context.output.say("taken out of " + visible(file));
  }
  if (files.empty()) context.output.say("No keys in plain text were found.");
  return Exit::done;
}

}  // namespace

Result<std::string> key_variable(const std::string& name, const policy::Registry& registry) {
  if (name.empty())
    return Error{Errc::usage, "A name is missing.", {}, "Name a provider, such as anthropic, or a variable."};
  if (const auto* entry = registry.find(name)) {
    if (!entry->key_variables.empty()) return entry->key_variables.front();
    return Error{Errc::usage, "Provider '" + name + "' needs no key.", {}, {}};
  }
  if (is_variable(name) && !policy::secrets_of({name + "=0k1e2y3s4t"}).empty()) return name;
  std::vector<std::string_view> known;
  for (const auto& entry : registry.providers)
    if (!entry.key_variables.empty()) known.emplace_back(entry.name);
  auto nearest = workflow::did_you_mean(name, known);
  if (!nearest.empty()) nearest[0] = 'D';
  return Error{Errc::not_found,
               "'" + name + "' is neither a provider with a key nor the name of a secret variable.",
               {},
               nearest.empty()
                   ? "Such a name has KEY, TOKEN, SECRET or PASSWORD as a part, so that its value is masked."
                   : nearest};
}

Result<std::string> checked_key(const std::string& variable_name, const std::string& typed) {
  const auto wrong = [&](const std::string& why) {
    return Error{Errc::usage, "That is no key for " + variable_name + ": " + why + ".", {}, "Nothing was changed."};
  };
  if (typed.size() < policy::kSecretBytesMin)
    return wrong("it is shorter than " + std::to_string(policy::kSecretBytesMin) + " bytes");
  if (typed.size() > policy::kSecretBytesMax) return wrong("it is too long");
  if (std::any_of(typed.begin(), typed.end(), [](unsigned char c) { return c <= 0x20 || c == 0x7f; }) ||
      !json::is_utf8(typed))
    return wrong("it holds blanks or other characters that no key has");
  if (policy::secrets_of({variable_name + "=" + typed}).empty())
    return wrong("it is a path or a plain word, which could not be masked");
  return typed;
}

Result<std::string> keep_key(const std::vector<std::string>& environment, const std::string& variable_name,
                             const std::string& value, const std::string& place) {
  const Keyring keyring(environment);
  std::string why_file;
  if (place != "file") {
    const auto kept = keyring.keep(keyring_user(variable_name), value);
    if (kept) {
      // A file goes before the keyring: an old key there would win.
      for (const auto& path : secrets_files(environment)) {
        HILLSTAR_TRY([[maybe_unused]] const bool found, take_out_of_file(path, variable_name));
      }
      return std::string("the keyring");
    }
    if (place == "keyring")
      return Error{
          kept.error().code, kept.error().message, {}, "`--in file` keeps it in a file that only you can read."};
    if (kept.error().code != Errc::not_found) why_file = " (" + kept.error().message + ")";
  }
  HILLSTAR_TRY(const auto path, keep_in_file(environment, variable_name, value));
  return path + why_file;
}

Result<Exit> manage_secrets(Context& context, const SecretsArgs& args) {
  HILLSTAR_TRY(const auto registry, load_registry(context.environment));
  if (args.what == "set") return set(context, args, *registry);
  if (args.what == "rm") return remove(context, args, *registry);
  if (!args.name.empty()) return Error{Errc::usage, "secrets " + args.what + " takes no name.", {}, {}};
  return args.what == "move" ? move(context, args, *registry) : list(context, *registry);
}

}  // namespace hillstar::cli
