// SPDX-License-Identifier: Apache-2.0
// verify through a service: everything that it keeps is fetched and checked here.
#pragma once

#include "apps/http/remote.hpp"
#include "persistence/event_store.hpp"
#include "persistence/repair.hpp"

namespace hillstar::cli {

/// As persistence::verify_all, of what the service hands out: every history is chained and folds to its row, every blob
/// has its hash, and the log, which is folded here, holds what was handed out and nothing besides. `store`: of the same
/// service. Memory: 32 bytes for each record of the store, besides the longest history.
Result<persistence::Verification> verify_service(const http::Remote& remote, const persistence::EventStore& store);

}  // namespace hillstar::cli
