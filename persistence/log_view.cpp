// SPDX-License-Identifier: Apache-2.0
#include "persistence/log_view.hpp"

#include <algorithm>

#include "persistence/database.hpp"
#include "persistence/files.hpp"
#include "persistence/gone_runs.hpp"
#include "persistence/keys.hpp"
#include "persistence/migrations.hpp"
#include "persistence/rocksdb_store.hpp"

namespace hillstar::persistence {
namespace {

/// Fills in the entries from the rows of all records, wherever they are.
Result<void> look_everywhere(const Database& database, std::uint64_t from, LogView& view) {
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
  return {};
}

/// The records of one stretch that are asked for. One that is not where the stretch says stays missing.
void look_at(const keys::Stretch& stretch, const Rows& events, std::uint64_t from, LogView& view) {
  const auto skipped = from > stretch.position ? from - stretch.position : 0;
  if (skipped >= stretch.count) return;
  // Short runs that were started one after the other are neighbours: then it stands there already.
  const auto first = keys::event(stretch.run, stretch.seq + skipped);
  if (!events->Valid() || events.key() != std::string_view(first.data(), first.size())) events->Seek(slice(first));
  for (; events->Valid(); events->Next()) {
    const auto key = keys::read_event_key(events.key());
    if (!key || key->run != stretch.run.str() || key->seq - stretch.seq >= stretch.count) return;
    const auto position = stretch.position + (key->seq - stretch.seq);
    if (position - from >= view.entries.size()) return;
    const auto value = keys::read_event(events.value());
    if (value && value->position == position)
      view.entries[position - from] = LogEntry{stretch.run, key->seq, value->hash};
  }
}

Result<void> look_in_order(const Database& database, std::uint64_t from, LogView& view) {
  const Rows stretches(database, keys::table(keys::Table::log));
  const Rows events(database, keys::table(keys::Table::events));
  stretches->SeekForPrev(slice(keys::stretch_key(from)));
  if (!stretches->Valid()) stretches->SeekToFirst();
  for (; stretches->Valid(); stretches->Next()) {
    const auto stretch = keys::read_stretch(stretches.key(), stretches.value());
    if (!stretch) continue;
    if (stretch->position >= from && stretch->position - from >= view.entries.size()) break;
    look_at(*stretch, events, from, view);
  }
  for (const auto* rows : {&stretches, &events})
    if (!(*rows)->status().ok()) return open_error((*rows)->status(), database.folder());
  return {};
}

}  // namespace

Result<LogView> read_log(const RocksStore& store, std::uint64_t from, std::size_t limit) {
  LogView view;
  const auto& database = store.database();
  // First: what comes later is not asked for.
  HILLSTAR_TRY(view.head, database.head());
  if (from == 0 || from > view.head.count) return view;
  view.entries.resize(std::min<std::uint64_t>(limit, view.head.count - from + 1));
  HILLSTAR_TRY(const auto format, format_version(database));
  const bool is_ordered = format.value_or(keys::kFormatVersion) >= keys::kOrderedFormat;
  HILLSTAR_CHECK(is_ordered ? look_in_order(database, from, view) : look_everywhere(database, from, view));
  return view;
}

Result<std::vector<RemovedRun>> removed_runs(const RocksStore& store, const RunId& after, std::size_t limit) {
  std::vector<RemovedRun> found;
  if (limit == 0) return found;
  HILLSTAR_CHECK(each_gone(store.database(), after, [&](const GoneRun& gone) {
    found.push_back({gone.run, gone.records, gone.removed_at});
    return found.size() < limit;
  }));
  return found;
}

}  // namespace hillstar::persistence
