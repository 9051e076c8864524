// SPDX-License-Identifier: Apache-2.0
#include "persistence/event_store.hpp"

#include <algorithm>

namespace hillstar::persistence {

Result<RunPage> EventStore::query(const RunQuery& asked) const {
  RunPage page;
  const auto limit = std::clamp<std::size_t>(asked.limit, 1, kPageRowsMax);
  const auto listed = list([&](const run::Summary& row) {
    if ((asked.before && row.run >= *asked.before) || !matches(asked, row)) return true;
    if (page.rows.size() == limit) {
      page.more = true;
      return false;
    }
    page.rows.push_back(row);
    return true;
  });
  if (!listed) page.problem = listed.error();
  return page;
}

Result<void> EventStore::each(RunQuery asked, const std::function<bool(const run::Summary&)>& visit) const {
  std::optional<Error> problem;
  asked.limit = kPageRowsMax;
  for (;;) {
    HILLSTAR_TRY(const auto page, query(asked));
    if (page.problem && !problem) problem = page.problem;
    for (const auto& row : page.rows)
      if (!visit(row)) return {};
    if (page.rows.empty() || !page.more) break;
    asked.before = page.rows.back().run;
  }
  if (problem) return *problem;
  return {};
}

}  // namespace hillstar::persistence
