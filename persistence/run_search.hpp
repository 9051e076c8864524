// SPDX-License-Identifier: Apache-2.0
// Answers to queries from the rows of the indexes. Internal to persistence.
#pragma once

#include "messages/error.hpp"
#include "persistence/database.hpp"
#include "persistence/run_query.hpp"

namespace hillstar::persistence {

/// One page, as the store is now. Reads the rows of the runs that it names, and of the indexes what lies between them.
Result<RunPage> search_runs(const Database& database, const RunQuery& asked);

}  // namespace hillstar::persistence
