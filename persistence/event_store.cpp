// SPDX-License-Identifier: Apache-2.0
#include "persistence/event_store.hpp"

#include <algorithm>

namespace hillstar::persistence {

Result<RunPage> EventStore::query(const RunQuery& asked) const {
  RunPage page;
  const auto limit = std::clamp<std::size_t>(asked.limit, 1, kPageRowsMax);
  HILLSTAR_CHECK(list([&](const run::Summary& row) {
    if ((asked.before && row.run >= *asked.before) || !matches(asked, row)) return true;
    if (page.rows.size() == limit) {
      page.more = true;
      return false;
    }
    page.rows.push_back(row);
    return true;
  }));
  return page;
}

}  // namespace hillstar::persistence
