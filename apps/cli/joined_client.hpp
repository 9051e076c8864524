// SPDX-License-Identifier: Apache-2.0
// A client of the process that owns the store.
#pragma once

#include <memory>
#include <string>

#include "apps/cli/client.hpp"

namespace hillstar::cli {

/// Connects to the host that listens in `folder`. When the connection ends before the client does, every feed gets a
/// FeedCut, and following again fails with host_unreachable.
/// Errors: host_unreachable if nobody listens there; host_protocol if the host is of another kind.
Result<std::unique_ptr<Client>> join(const std::string& folder);

}  // namespace hillstar::cli
