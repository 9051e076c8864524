// SPDX-License-Identifier: Apache-2.0
// doctor: settings, keys and providers, and what it prints.
#include "apps/cli/doctor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "apps/cli/environment.hpp"
#include "apps/cli/key_file.hpp"
#include "apps/cli/keyring.hpp"
#include "apps/cli/private_file.hpp"
#include "apps/cli/provider_probe.hpp"
#include "apps/cli/registry_file.hpp"
#include "apps/cli/run_variables.hpp"
#include "apps/cli/text.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

constexpr const char* kHealthNames[] = {"ok", "warn", "fail"};
constexpr Tone kHealthTones[] = {Tone::good, Tone::warning, Tone::bad};
constexpr std::size_t kHealth = 4;

std::string name_of(Health health) { return kHealthNames[static_cast<std::size_t>(health)]; }

void print(Output& output, const Findings& found) {
  std::size_t area = 0;
  std::size_t name = 0;
  for (const auto& one : found) {
    area = std::max(area, one.area.size());
    name = std::max(name, one.name.size());
  }
  for (const auto& one : found) {
    const auto health =
        output.paint_data(kHealthTones[static_cast<std::size_t>(one.health)], pad(name_of(one.health), kHealth));
    output.data(fmt::format("{}  {}  {}  {}", health, pad(one.area, area), pad(one.name, name), visible(one.what)));
    if (!one.mend.empty()) output.data(std::string(kHealth + 2, ' ') + "-> " + visible(one.mend));
  }
}

}  // namespace

void check_settings(const Context& context, const Configuration& configuration, Findings& found) {
  constexpr const char* kArea = "settings";
  for (const auto* file : {&configuration.user, &configuration.project}) {
    if (!file->is_there) continue;
    const auto open = file == &configuration.user ? too_open(file->path) : std::nullopt;
    found.push_back({open ? Health::warn : Health::ok, kArea, "file", file->path, open.value_or("")});
  }
  for (const auto& error : configuration.errors)
    found.push_back({Health::fail, kArea, "error", error.where + ": " + error.message,
                     error.hint.empty() ? "mend or move the file" : error.hint});
  for (const auto& warning : configuration.warnings) found.push_back({Health::warn, kArea, "warning", warning, {}});
  if (configuration.errors.empty()) found.push_back({Health::ok, kArea, "values", "all are valid", {}});
  const auto registry = load_registry(context.environment);
  if (!registry) {
    found.push_back({Health::fail, kArea, "registry", registry.error().where + ": " + registry.error().message,
                     registry.error().hint.empty() ? "mend the file, or move it away" : registry.error().hint});
    return;
  }
  for (const auto& warning : (*registry)->warnings) found.push_back({Health::warn, kArea, "registry", warning, {}});
  found.push_back({Health::ok, kArea, "registry", fmt::format("{} providers", (*registry)->providers.size()), {}});
}

void check_keys(const Context& context, Findings& found) {
  constexpr const char* kArea = "keys";
  const auto registry = load_registry(context.environment);
  if (!registry) return;
  auto variables = read_variables(context.environment, {".", {}}, **registry);
  if (!variables) return;
  std::vector<std::string> names;
  for (const auto& entry : (*registry)->providers)
    for (const auto& name : entry.key_variables)
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  add_from_keyring(*variables, missing_keys(**registry, {}, variables->environment));
  bool any = false;
  for (const auto& name : names) {
    if (variable(variables->environment, name).value_or("").empty()) continue;
    any = true;
    const auto place = variables->places.find(name);
    found.push_back({Health::ok, kArea, name, place == variables->places.end() ? "environment" : place->second, {}});
  }
  if (!any)
    found.push_back(
        {Health::warn, kArea, "none", "no provider of a cloud can be asked", "hillstar-actors secrets set anthropic"});
  for (const auto& warning : variables->warnings) found.push_back({Health::warn, kArea, "warning", warning, {}});
  for (const auto& path : secrets_files(context.environment))
    if (const auto open = too_open(path)) found.push_back({Health::fail, kArea, "file", path, *open});
  std::set<std::string> plain;
  for (const auto& key : plain_keys(context.environment)) plain.insert(key.file);
  for (const auto& path : plain)
    if (const auto open = too_open(path)) found.push_back({Health::fail, kArea, "file", path + " holds keys", *open});
  const auto ring = Keyring(context.environment).find({});
  const bool none = !ring && ring.error().code == Errc::not_found;
  found.push_back({ring || none ? Health::ok : Health::warn, kArea, "keyring",
                   ring ? fmt::format("{} keys", ring->names.size()) : ring.error().message,
                   none   ? ""
                   : ring ? ""
                          : ring.error().hint});
}

void check_providers(const Context& context, Findings& found) {
  constexpr const char* kArea = "providers";
  const auto registry = load_registry(context.environment);
  if (!registry) return;
  auto variables = read_variables(context.environment, {".", {}}, **registry);
  if (!variables) return;
  add_from_keyring(*variables, missing_keys(**registry, {}, variables->environment));
  Prober prober(context.clock, **registry, variables->environment);
  for (const auto& name : names_to_test(**registry, {}, variables->environment)) {
    const auto probe = prober.test(name, {});
    // A local server may be off; a key that is set should work.
    const bool matters = probe.backend && !probe.backend->key_variable.empty();
    const auto health = !probe.failure ? Health::ok : matters ? Health::fail : Health::warn;
    const std::string mend = health == Health::fail   ? "hillstar-actors providers test " + name
                             : health == Health::warn ? "nothing to do, unless you want to use it"
                                                      : "";
    found.push_back({health, kArea, name, state_of(probe) + ": " + words_of(probe), mend});
  }
}

Result<Exit> examine(Context& context, const DoctorArgs& args, const Configuration& configuration) {
  Findings found;
  check_system(context, found);
  check_settings(context, configuration, found);
  check_keys(context, found);
  check_store_health(context, found);
  if (args.online) check_providers(context, found);
  const auto failed =
      std::count_if(found.begin(), found.end(), [](const auto& one) { return one.health == Health::fail; });
  const auto warned =
      std::count_if(found.begin(), found.end(), [](const auto& one) { return one.health == Health::warn; });
  if (context.output.is_json()) {
    bj::array checks;
    for (const auto& one : found)
      checks.push_back(bj::object{{"state", name_of(one.health)},
                                  {"area", one.area},
                                  {"name", json::to_utf8(one.name)},
                                  {"what", json::to_utf8(one.what)},
                                  {"mend", json::to_utf8(one.mend)}});
    context.output.data(Json::of(
        bj::object{{"ok", failed == 0}, {"failed", failed}, {"warned", warned}, {"checks", std::move(checks)}}));
  } else {
    print(context.output, found);
    context.output.say(failed == 0 ? fmt::format("Nothing failed, {} warnings.", warned)
                                   : fmt::format("{} failed, {} warnings.", failed, warned));
  }
  return failed == 0 ? Exit::done : Exit::run_failed;
}

}  // namespace hillstar::cli
