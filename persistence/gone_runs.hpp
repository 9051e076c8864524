// SPDX-License-Identifier: Apache-2.0
// What is kept of a run that was removed: a row that says so, and of each record its position and hash, without the
// line. The log's chain still holds, and the removal shows. Internal to persistence.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "messages/error.hpp"
#include "messages/ids.hpp"
#include "messages/units.hpp"
#include "persistence/database.hpp"

namespace hillstar::persistence {

struct GoneRun {
  RunId run;
  WorkflowId workflow;
  std::string status;  ///< As it ended.
  std::uint64_t records = 0;
  std::string last_hash;  ///< Of the last of them, hex.
  UtcTime started_at;
  UtcTime ended_at;
  UtcTime removed_at;
  bool stripped = false;  ///< No line is left.
};
BOOST_DESCRIBE_STRUCT(GoneRun, (),
                      (run, workflow, status, records, last_hash, started_at, ended_at, removed_at, stripped))

/// Nothing if the run was not removed; record_corrupt if its row cannot be read.
Result<std::optional<GoneRun>> read_gone(const Database& database, const rocksdb::ReadOptions& options,
                                         const RunId& run);
/// Removed runs behind `after`, oldest first; `visit` returns false to stop.
Result<void> each_gone(const Database& database, const RunId& after, const std::function<bool(const GoneRun&)>& visit);
/// run_not_found, with when it was removed.
Error gone_error(const GoneRun& gone);
/// Whether what must be kept of it is there. Errors name run and sequence.
Result<void> check_gone(const Database& database, const GoneRun& gone);

}  // namespace hillstar::persistence
