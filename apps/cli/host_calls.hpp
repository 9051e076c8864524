// SPDX-License-Identifier: Apache-2.0
// What a terminal asks of the host, done by the engine's client. Whether it may, apps/cli/host_rights.hpp says before.
#pragma once

#include <sys/types.h>

#include <optional>

#include "apps/cli/client.hpp"
#include "apps/cli/protocol.hpp"

namespace hillstar::cli {

/// All methods but those that change the session. Blocks until its facts are durable.
/// @param peer  the user at the other end; who somebody is, says the system
Result<Json> perform_call(Client& service, const Call& call, uid_t peer);

/// The run that a call starts or takes up. Whoever makes it follows the run next.
std::optional<RunId> run_begun_by(const Call& call);

}  // namespace hillstar::cli
