// SPDX-License-Identifier: Apache-2.0
#include "persistence/run_query.hpp"

#include <algorithm>

namespace hillstar::persistence {

const std::vector<std::string>& open_statuses() {
  static const std::vector<std::string> kOpen{"queued",     "running",    "waiting", "paused",
                                              "cancelling", "timing_out", "failing"};
  return kOpen;
}

bool matches(const RunQuery& query, const run::Summary& row) {
  const auto& statuses = query.statuses;
  if (!statuses.empty() && std::find(statuses.begin(), statuses.end(), row.status) == statuses.end()) return false;
  if (query.workflow && row.workflow != *query.workflow) return false;
  if (query.stream && row.stream != *query.stream) return false;
  if (query.key && row.key != *query.key) return false;
  if (query.correlation && row.correlation != *query.correlation) return false;
  if (query.above && (!row.above || row.above->run != *query.above)) return false;
  if (query.label) {
    const auto found = row.labels.find(query.label->first);
    if (found == row.labels.end() || found->second != query.label->second) return false;
  }
  return (!query.since || row.started_at >= *query.since) && (!query.until || row.started_at < *query.until);
}

}  // namespace hillstar::persistence
