// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/server_option.hpp"

#include <algorithm>
#include <array>

#include "apps/cli/environment.hpp"
#include "apps/http/remote.hpp"

namespace hillstar::cli {
namespace {

/// Commands that need no more of a store than what a service gives.
constexpr std::array<std::string_view, 21> kRemote{"run",  "execute", "resume", "cancel", "approve", "reject", "pause",
                                                   "wait", "ps",      "ls",     "show",   "events",  "result", "logs",
                                                   "why",  "report",  "stream", "gc",     "top",     "watch",  "state"};

}  // namespace

Result<std::string> place_of_store(const std::string& folder, const std::string& given, const std::string& command,
                                   const std::vector<std::string>& environment) {
  const bool able = std::find(kRemote.begin(), kRemote.end(), command) != kRemote.end();
  if (!given.empty() && !able)
    return Error{Errc::usage, "`" + command + "` works where the store is, not through a service.", "--server", {}};
  const auto server = given.empty() ? variable(environment, "HILLSTAR_SERVER").value_or("") : given;
  if (server.empty() || !able) return absolute_path(folder);
  if (!http::is_service_url(server))
    return Error{Errc::usage, "This is no address of a service.", server, "Write it like https://host:8787."};
  return server;
}

}  // namespace hillstar::cli
