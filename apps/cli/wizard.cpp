// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/wizard.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "apps/cli/environment.hpp"
#include "apps/cli/key_file.hpp"
#include "apps/cli/keyring.hpp"
#include "apps/cli/private_file.hpp"
#include "apps/cli/prompt.hpp"
#include "apps/cli/provider_probe.hpp"
#include "apps/cli/registry_file.hpp"
#include "apps/cli/run_variables.hpp"
#include "apps/cli/secrets_command.hpp"
#include "apps/cli/text.hpp"
#include "runtime/run/hillstar_json.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;
using policy::ProviderEntry;

/// Answers to one question that lead nowhere, before it is given up.
constexpr int kTriesMax = 5;

struct LocalServer {
  std::string address;
  std::vector<std::string> providers;
};

class Wizard {
 public:
  Wizard(Context& context, policy::Registry registry, Variables variables)
      : context_(context), registry_(std::move(registry)), variables_(std::move(variables)) {
    if (const auto home = variable(context.environment, "HOME")) home_ = absolute_path(*home);
  }

  Result<Exit> run() {
    say("This asks for keys of providers and looks for model servers on this machine. Each is tried with a request "
        "that\n"
        "costs nothing. Nothing is written before the last question; Ctrl-C stops. Enter takes what stands in [].");
    const bool whole = import_file() && take_plain_keys() && each_cloud() && each_local();
    if (!whole) return stopped();
    return finish();
  }

 private:
  /// Also with --quiet: questions need their words.
  void say(const std::string& text) { context_.output.warn(text); }

  /// Nothing: there are no more answers, and the wizard ends.
  std::optional<std::string> ask(const std::string& question, bool hidden = false) {
    last_ = hidden ? prompt_.ask_hidden(question) : prompt_.ask(question);
    if (!last_.given()) return std::nullopt;
    return last_.text;
  }

  /// One of `letters`, the first of which Enter takes.
  std::optional<char> choose(const std::string& question, std::string_view letters) {
    for (int i = 0; i < kTriesMax; ++i) {
      const auto answer = ask(question);
      if (!answer) return std::nullopt;
      if (answer->empty()) return letters[0];
      const char first =
          (*answer)[0] >= 'A' && (*answer)[0] <= 'Z' ? static_cast<char>((*answer)[0] - 'A' + 'a') : (*answer)[0];
      if (letters.find(first) != std::string_view::npos) return first;
      say("  One of these letters, please.");
    }
    return std::nullopt;
  }

  Result<Exit> stopped() {
    context_.output.warn("Cancelled. Nothing was changed.");
    const int signal = last_.signal != 0 ? last_.signal : prompt_.signal();
    return signal != 0 ? static_cast<Exit>(128 + signal) : Exit::run_failed;
  }

  std::string expanded(const std::string& path) const {
    return path.starts_with("~/") && !home_.empty() ? home_ + path.substr(1) : absolute_path(path);
  }

  bool import_file() {
    for (int i = 0; i < kTriesMax; ++i) {
      const auto path = ask("\nA file with keys to take over, such as ~/.env [none]: ");
      if (!path) return false;
      if (path->empty()) return true;
      const auto text = read_file(expanded(*path), Errc::io, kPrivateFileBytesMax);
      if (!text) {
        say("  " + visible(to_string(text.error())));
        continue;
      }
      std::string found;
      const auto entries = variables_in(*text);
      for (const auto& entry : registry_.providers)
        for (const auto& name : entry.key_variables) {
          const auto value = variable(entries, name).value_or("");
          if (value.empty() || imported_.contains(name)) continue;
          imported_[name] = value;
          found += (found.empty() ? "" : ", ") + name;
        }
      say(found.empty() ? "  It holds no key of a known provider." : "  Found " + found + ".");
      return true;
    }
    return true;
  }

  /// Hillstar allowed keys in the registry file.
  bool take_plain_keys() {
    const auto plain = plain_keys(context_.environment);
    if (plain.empty()) return true;
    const auto answer = choose(
        "\n" + visible(plain.front().file) + " holds keys in plain text. Move them to where keys are kept? [Y/n] ",
        "yn");
    if (!answer) return false;
    if (*answer == 'n') return true;
    for (const auto& [provider, value, file] : plain) {
      const auto* entry = registry_.find(provider);
      if (entry == nullptr || entry->key_variables.empty()) {
        say("  The key of " + visible(provider) + " has no variable that could name it; it stays.");
        stays_.insert(file);
        continue;
      }
      keys_.emplace(entry->key_variables.front(), value);
      plain_files_.insert(file);
    }
    for (const auto& file : stays_) plain_files_.erase(file);
    return true;
  }

  bool each_cloud() {
    for (const auto& entry : registry_.providers) {
      const bool asked_for = !entry.key_variables.empty() && entry.kind == policy::ProviderKind::cloud;
      if (!asked_for || entry.adapter.empty() || !entry.same_as.empty()) continue;
      if (!cloud(entry)) return false;
    }
    return true;
  }

  bool cloud(const ProviderEntry& entry) {
    say("\n" + (entry.display_name.empty() ? entry.name : visible(entry.display_name)) + " (" + visible(entry.name) +
        ")");
    std::string variable_name = entry.key_variables.front();
    for (const auto& name : entry.key_variables) {
      if (const auto moved = keys_.find(name); moved != keys_.end())
        return known(entry, name, "the registry file", moved->second);
      if (const auto found = imported_.find(name); found != imported_.end())
        return known(entry, name, "the file", found->second);
    }
    for (const auto& name : entry.key_variables) {
      const auto value = variable(variables_.environment, name).value_or("");
      if (value.empty()) continue;
      const auto place = variables_.places.find(name);
      return known(entry, name, place == variables_.places.end() ? "the environment" : place->second, value);
    }
    return ask_for_key(entry, variable_name);
  }

  /// A key that was found: tried, and kept or replaced.
  bool known(const ProviderEntry& entry, const std::string& name, const std::string& place, const std::string& value) {
    const auto checked = checked_key(name, value);
    const bool is_new = imported_.contains(name) || keys_.contains(name);
    const auto probe = checked ? check(entry, name, value) : Probe{};
    if (prompt_.signal() != 0) return false;
    const bool works = checked && !probe.failure;
    say("  The key of " + visible(place) +
        (works     ? " works: " + words_of(probe)
         : checked ? " does not work: " + state_of(probe) + ", " + words_of(probe)
                   : " is none: " + checked.error().message));
    const auto answer = choose(works     ? "  [K]eep it, or [c]hange it? [k] "
                               : checked ? "  [C]hange it, or [k]eep it? [c] "
                                         : "  [C]hange it, or [s]kip? [c] ",
                               works     ? "kc"
                               : checked ? "ck"
                                         : "cs");
    if (!answer) return false;
    if (*answer == 'k' && is_new) keys_[name] = value;
    if (*answer == 's') keys_.erase(name);
    return *answer != 'c' || ask_for_key(entry, name);
  }

  bool ask_for_key(const ProviderEntry& entry, const std::string& name) {
    for (int i = 0; i < kTriesMax; ++i) {
      const auto typed = ask("  " + name + " (not shown) [skip]: ", true);
      if (!typed) return false;
      if (typed->empty()) return true;
      const auto value = checked_key(name, *typed);
      if (!value) {
        say("  " + value.error().message);
        continue;
      }
      const auto probe = check(entry, name, *value);
      if (prompt_.signal() != 0) return false;
      if (!probe.failure) {
        say("  It works: " + words_of(probe));
        keys_[name] = *value;
        return true;
      }
      say("  It does not work: " + state_of(probe) + ", " + words_of(probe));
      const auto answer = choose("  [T]ype another, [k]eep it, or [s]kip? [t] ", "tks");
      if (!answer) return false;
      if (*answer == 'k') keys_[name] = *value;
      if (*answer != 't') return true;
    }
    say("  Left out.");
    return true;
  }

  Probe check(const ProviderEntry& entry, const std::string& name, const std::string& value) {
    auto environment = variables_.environment;
    // The one to be tried alone.
    std::erase_if(environment, [&](const std::string& one) {
      return std::any_of(entry.key_variables.begin(), entry.key_variables.end(),
                         [&](const auto& key) { return one.starts_with(key + "="); });
    });
    environment.push_back(name + "=" + value);
    say("  Asking " + visible(entry.base_url) + " ...");
    return Prober(context_.clock, registry_, std::move(environment)).test(entry.name, stoppable());
  }

  ProbeOptions stoppable() {
    return {{}, false, [this] { return prompt_.signal() != 0; }};
  }

  bool each_local() {
    std::vector<LocalServer> servers;
    for (const auto& entry : registry_.providers) {
      if (entry.kind != policy::ProviderKind::local || entry.adapter.empty() || !entry.same_as.empty()) continue;
      const auto known =
          std::find_if(servers.begin(), servers.end(), [&](const auto& one) { return one.address == entry.base_url; });
      if (known != servers.end())
        known->providers.push_back(entry.name);
      else
        servers.push_back({entry.base_url, {entry.name}});
    }
    for (const auto& server : servers)
      if (!local(server)) return false;
    return true;
  }

  bool local(const LocalServer& server) {
    std::string names;
    for (const auto& name : server.providers) names += (names.empty() ? "" : ", ") + name;
    say("\nOn this machine: " + visible(names));
    auto address = server.address;
    for (int i = 0; i < kTriesMax; ++i) {
      const auto probe = check_local(server, address);
      if (prompt_.signal() != 0) return false;
      say("  " + visible(address) + ": " + (probe.failure ? state_of(probe) + ", " : "answers, ") + words_of(probe));
      if (!probe.failure) {
        if (address != server.address)
          for (const auto& name : server.providers) addresses_[name] = address;
        return true;
      }
      const auto typed = ask("  Another address, such as http://host:port [none]: ");
      if (!typed) return false;
      if (typed->empty()) return true;
      if (!typed->starts_with("http://") && !typed->starts_with("https://")) {
        say("  An address starts with http:// or https://.");
        continue;
      }
      address = *typed;
      while (address.ends_with('/')) address.pop_back();
    }
    return true;
  }

  Probe check_local(const LocalServer& server, const std::string& address) {
    auto registry = registry_;
    for (auto& entry : registry.providers)
      if (entry.name == server.providers.front()) entry.base_url = address;
    return Prober(context_.clock, registry, variables_.environment).test(server.providers.front(), stoppable());
  }

  [[nodiscard]] std::string registry_file() const { return home_ + "/.hillstar/provider_registry.json"; }

  Result<Exit> finish() {
    if (keys_.empty() && addresses_.empty()) {
      say("\nThere is nothing to write.");
      return Exit::done;
    }
    say("\nTo be written:");
    for (const auto& [name, value] : keys_)
      say("  " + name + " to " +
          (Keyring(context_.environment).may_be_there() ? std::string("the keyring")
                                                        : visible(secrets_file(context_.environment))));
    for (const auto& [name, address] : addresses_)
      say("  the address of " + visible(name) + ", " + visible(address) + ", to " + visible(registry_file()));
    for (const auto& file : plain_files_) say("  keys are taken out of " + visible(file));
    if (!context_.yes) {
      const auto answer = choose("Write it? [Y/n] ", "yn");
      if (!answer || *answer == 'n') return stopped();
    }
    return write();
  }

  Result<Exit> write() {
    bj::object places;
    for (const auto& [name, value] : keys_) {
      HILLSTAR_TRY(const auto place, keep_key(context_.environment, name, value, "auto"));
      say(name + " is kept in " + visible(place));
      places[name] = json::to_utf8(place);
    }
    for (const auto& file : plain_files_) HILLSTAR_CHECK(remove_plain_keys(file));
    if (!addresses_.empty()) {
      HILLSTAR_CHECK(change_private_file(
          registry_file(), [&](const auto& text) { return with_addresses(text, registry_file(), addresses_); }));
      say("addresses are in " + visible(registry_file()));
    }
    bj::object addresses;
    for (const auto& [name, address] : addresses_) addresses[name] = address;
    if (context_.output.is_json())
      context_.output.data(Json::of(bj::object{{"keys", std::move(places)}, {"addresses", std::move(addresses)}}));
    say("Done. `hillstar-actors doctor --online` looks at all of it again.");
    return Exit::done;
  }

  Context& context_;
  policy::Registry registry_;
  Variables variables_;
  std::string home_;
  Prompt prompt_;
  Answer last_;
  std::map<std::string, std::string> imported_;   ///< From a file: variable, value.
  std::map<std::string, std::string> keys_;       ///< To be kept.
  std::map<std::string, std::string> addresses_;  ///< Of providers, to be written.
  std::set<std::string> plain_files_;             ///< That keys are taken out of.
  std::set<std::string> stays_;
};

}  // namespace

Result<std::optional<std::string>> with_addresses(const std::optional<std::string>& text, const std::string& path,
                                                  const std::map<std::string, std::string>& addresses) {
  bj::value tree = bj::object{};
  if (text) {
    auto parsed = json::parse(*text, {.bytes_max = policy::kRegistryBytesMax, .depth_max = 16});
    if (!parsed || !parsed->is_object())
      return Error{Errc::provider_config, "The registry file is no JSON object, so nothing was written there.",
                   parsed ? path : path + ":" + parsed.error().where, "Mend it with an editor first."};
    tree = *std::move(parsed);
  }
  const auto object_in = [](bj::object& in, std::string_view key) -> bj::object& {
    auto& value = in[key];
    if (!value.is_object()) value.emplace_object();
    return value.get_object();
  };
  auto& providers = object_in(object_in(tree.get_object(), "user_overrides"), "providers");
  for (const auto& [name, address] : addresses) {
    auto& entry = object_in(providers, name);
    entry["endpoint"] = address;
    entry["tested"] = true;
  }
  return std::optional<std::string>(run::indented_json(tree) + "\n");
}

Result<Exit> set_up(Context& context, const WizardArgs&) {
  if (variable(context.environment, "HOME").value_or("").empty())
    return Error{Errc::usage, "There is no home for keys and settings.", {}, "Set HOME."};
  HILLSTAR_TRY(const auto registry, load_registry(context.environment));
  HILLSTAR_TRY(auto variables, read_variables(context.environment, {".", {}}, *registry));
  add_from_keyring(variables, missing_keys(*registry, {}, variables.environment));
  return Wizard(context, *registry, std::move(variables)).run();
}

}  // namespace hillstar::cli
