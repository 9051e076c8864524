// SPDX-License-Identifier: Apache-2.0
// Reading one run's rows, verified. Internal to persistence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "messages/error.hpp"
#include "persistence/database.hpp"
#include "persistence/event_store.hpp"
#include "persistence/keys.hpp"

namespace hillstar::persistence {

/// run_not_found if there is no row; record_corrupt if it is not one.
Result<run::Summary> read_summary(const Database& database, const rocksdb::ReadOptions& options, const RunId& run);
/// The stored hash of one record; the zero hash for seq 0.
Result<Hash> hash_of_record(const Database& database, const rocksdb::ReadOptions& options, const RunId& run,
                            std::uint64_t seq);
/// Visits every record of the run in order, verified against its predecessor and against the length that the summary
/// row names. Errors name run and sequence.
Result<void> walk_run(const Database& database, const RunId& run,
                      const std::function<Result<void>(const keys::EventValue&)>& visit);
/// Records `from`, `from + 1`, ..., at most `limit`, verified against their predecessors.
Result<std::vector<Record>> read_page(const Database& database, const RunId& run, std::uint64_t from,
                                      std::size_t limit);
/// Rows of all runs, newest first. A row that cannot be read is left out and is the error at the end.
Result<std::vector<RunId>> list_histories(const Database& database, char letter);
Result<void> list_rows(const Database& database, const std::function<bool(const run::Summary&)>& visit);

}  // namespace hillstar::persistence
