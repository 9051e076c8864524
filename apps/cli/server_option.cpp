// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/server_option.hpp"

#include <algorithm>
#include <array>

#include "apps/cli/environment.hpp"
#include "apps/http/remote.hpp"

namespace hillstar::cli {
namespace {

constexpr std::array<std::string_view, 19> kStoreless{"agent-scan", "ca",      "completion", "config",       "diagram",
                                                      "discover",   "explain", "graph",      "json-view",    "migrate",
                                                      "mode",       "plan",    "presets",    "project-init", "secrets",
                                                      "validate",   "version", "wizard",     "worker"};
constexpr std::array<std::string_view, 4> kAtTheStore{"repair", "restore", "serve", "token"};

template <class Names>
bool holds(const Names& names, std::string_view command) {
  return std::find(names.begin(), names.end(), command) != names.end();
}

}  // namespace

StoreUse store_use(std::string_view command) {
  if (holds(kStoreless, command)) return StoreUse::none;
  return holds(kAtTheStore, command) ? StoreUse::needs_folder : StoreUse::reads_or_asks;
}

Result<std::string> place_of_store(const StoreChoice& choice, const std::string& command,
                                   const std::vector<std::string>& environment) {
  const auto use = store_use(command);
  if (use == StoreUse::none) return absolute_path(choice.folder);
  const bool said = !choice.server.empty();
  if (said && choice.folder_given)
    return Error{Errc::usage, "Either a folder or a service: two stores are named.", "--store, --server", {}};
  auto server = choice.server;
  if (!said && !choice.folder_given) server = variable(environment, "HILLSTAR_SERVER").value_or("");
  if (server.empty()) return absolute_path(choice.folder);
  const auto* where = said ? "--server" : "HILLSTAR_SERVER";
  if (use == StoreUse::needs_folder)
    return Error{Errc::usage, "`" + command + "` works where the store is, not through a service.", where,
                 said ? "Do it on the machine of the service."
                      : "On the machine of the service; --store DIR names a folder of this one."};
  if (!http::is_service_url(server))
    return Error{Errc::usage, "This is no address of a service.", server, "Write it like https://host:8787."};
  return server;
}

}  // namespace hillstar::cli
