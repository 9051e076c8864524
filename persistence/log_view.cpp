// SPDX-License-Identifier: Apache-2.0
#include "persistence/log_view.hpp"

#include <algorithm>

#include "persistence/database.hpp"
#include "persistence/files.hpp"
#include "persistence/gone_runs.hpp"
#include "persistence/keys.hpp"
#include "persistence/rocksdb_store.hpp"

namespace hillstar::persistence {

Result<LogView> read_log(const RocksStore& store, std::uint64_t from, std::size_t limit) {
  LogView view;
  const auto& database = store.database();
  // First: what comes later is not asked for.
  HILLSTAR_TRY(view.head, database.head());
  if (from == 0 || from > view.head.count) return view;
  view.entries.resize(std::min<std::uint64_t>(limit, view.head.count - from + 1));
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const Rows rows(database, keys::table(keys::Table::events), options);
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
    const auto value = keys::read_event(rows.value());
    if (!value || value->position < from || value->position - from >= view.entries.size()) continue;
    const auto key = keys::read_event_key(rows.key());
    if (!key) continue;
    view.entries[value->position - from] = LogEntry{RunId(std::string(key->run)), key->seq, value->hash};
  }
  if (!rows->status().ok()) return open_error(rows->status(), database.folder());
  return view;
}

Result<std::vector<RemovedRun>> removed_runs(const RocksStore& store, const RunId& after, std::size_t limit) {
  std::vector<RemovedRun> found;
  HILLSTAR_CHECK(each_gone(store.database(), [&](const GoneRun& gone) {
    if (gone.run > after) found.push_back({gone.run, gone.records, gone.removed_at});
    return found.size() < limit;
  }));
  return found;
}

}  // namespace hillstar::persistence
