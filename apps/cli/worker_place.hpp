// SPDX-License-Identifier: Apache-2.0
// Where workers join, and what shows who host and workers are: folders that `ca` and a join token fill.
#pragma once

#include <string>
#include <vector>

#include "actors/engine.hpp"
#include "messages/error.hpp"

namespace hillstar::cli {

/// What a host listens with. `where`: address and port. `identity`: a folder with host.pem, host.key, authority.pem and
/// revoked.pem; empty: the only one that `ca issue-host` has filled. Errors: usage, certificate_invalid.
Result<WorkersAt> workers_at(const std::string& where, const std::string& identity,
                             const std::vector<std::string>& environment);

struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
/// `option`: for the message of an error.
Result<HostPort> host_port(const std::string& text, const std::string& option);

/// `--worker-lost-after`: 1 s to a day.
Result<Millis> lost_after(const std::string& span);

/// Where a worker keeps its certificate if nobody says otherwise: $XDG_CONFIG_HOME or ~/.config,
/// hillstar-actors/worker.
Result<std::string> worker_identity(const std::vector<std::string>& environment, const std::string& given);

}  // namespace hillstar::cli
