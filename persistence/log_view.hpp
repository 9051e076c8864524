// SPDX-License-Identifier: Apache-2.0
// The whole log as names and hashes: enough for somebody who has the records to say whether all of it is there.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "messages/error.hpp"
#include "persistence/event_store.hpp"

namespace hillstar::persistence {

class RocksStore;

/// One record of the log.
struct LogEntry {
  RunId run;
  std::uint64_t seq = 0;
  Hash hash{};
};

struct LogView {
  LogHead head;  ///< Of the log as it was then.
  /// Positions `from`, `from + 1`, ...; nothing: the record is missing.
  std::vector<std::optional<LogEntry>> entries;
};
/// At most `limit` entries from position `from` (1-based) on. Reads those alone; of a store of an older format that is
/// open for reading, the keys of the whole log.
Result<LogView> read_log(const RocksStore& store, std::uint64_t from, std::size_t limit);

/// A run that gc removed: the hashes of its records are still in the log.
struct RemovedRun {
  RunId run;
  std::uint64_t records = 0;
  UtcTime removed_at;
};
/// At most `limit`, in order of their ids, behind `after`.
Result<std::vector<RemovedRun>> removed_runs(const RocksStore& store, const RunId& after, std::size_t limit);

}  // namespace hillstar::persistence
