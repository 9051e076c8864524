// SPDX-License-Identifier: Apache-2.0
#include "persistence/migrations.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "persistence/files.hpp"
#include "persistence/keys.hpp"
#include "persistence/run_index.hpp"
#include "persistence/run_rows.hpp"

namespace hillstar::persistence {
namespace {

/// What a migration writes at a time.
constexpr std::size_t kBatchBytes = 4U << 20U;

/// Rows of a table that is made anew.
class NewRows {
 public:
  explicit NewRows(Database& database) : database_(database) {}

  /// What a step before left, or an older program made stale since then, is removed first.
  Result<void> clear(keys::Table table) {
    const Rows left(database_, keys::table(table));
    for (left->SeekToFirst(); left->Valid(); left->Next()) {
      note(batch_.Delete(left->key()));
      HILLSTAR_CHECK(write_some(kBatchBytes));
    }
    if (!left->status().ok()) return open_error(left->status(), database_.folder());
    return {};
  }
  Result<void> put(std::string_view key, std::string_view value) {
    note(batch_.Put(slice(key), slice(value)));
    return write_some(kBatchBytes);
  }
  Result<void> finish() { return write_some(0); }

 private:
  void note(const rocksdb::Status& status) {
    if (status_.ok()) status_ = status;
  }
  Result<void> write_some(std::size_t limit) {
    if (!status_.ok()) return write_error(status_, database_.folder());
    if (batch_.Count() == 0 || batch_.GetDataSize() < limit) return {};
    HILLSTAR_CHECK(database_.write(batch_, Sync::no));
    batch_.Clear();
    return {};
  }

  Database& database_;
  rocksdb::WriteBatch batch_;
  rocksdb::Status status_;
};

template <std::size_t N>
std::string_view view(const std::array<char, N>& bytes) {
  return {bytes.data(), bytes.size()};
}

/// 1 -> 2: rows that say by what runs are found.
Result<void> build_indexes(Database& database) {
  NewRows index(database);
  HILLSTAR_CHECK(index.clear(keys::Table::index));
  Result<void> written;
  // Rows that cannot be read are left out, as they are of lists.
  const auto listed = list_rows(database, [&](const run::Summary& row) {
    each_index_key(row, [&](const IndexKey& key) {
      if (written) written = index.put(view(key), {});
    });
    return bool{written};
  });
  HILLSTAR_CHECK(written);
  if (!listed && listed.error().code != Errc::record_corrupt) return listed.error();
  return index.finish();
}

/// 2 -> 3: rows that say where the records of the log are. Reads every record once, as they lie: what follows its
/// neighbour in its history and in the log is of one stretch with it.
Result<void> build_log(Database& database) {
  NewRows log(database);
  HILLSTAR_CHECK(log.clear(keys::Table::log));
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  options.readahead_size = kBatchBytes;
  const Rows rows(database, keys::table(keys::Table::events), options);
  keys::Stretch stretch;
  const auto put = [&]() -> Result<void> {
    if (stretch.count == 0) return {};
    return log.put(view(keys::stretch_key(stretch.position)), view(keys::stretch_value(stretch)));
  };
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
    const auto key = keys::read_event_key(rows.key());
    const auto value = keys::read_event(rows.value());
    if (!key || !value) continue;  // `verify` tells of it
    if (stretch.count > 0 && stretch.run.str() == key->run && key->seq == stretch.seq + stretch.count &&
        value->position == stretch.position + stretch.count) {
      ++stretch.count;
      continue;
    }
    HILLSTAR_CHECK(put());
    stretch = {value->position, RunId(std::string(key->run)), key->seq, 1};
  }
  // What cannot be read is missing in the log, as it is.
  HILLSTAR_CHECK(put());
  return log.finish();
}

/// Every step that was ever released.
std::vector<Migration> released_migrations() { return {{1, build_indexes}, {2, build_log}}; }

Error newer(std::uint32_t version, std::uint32_t known, const std::string& folder) {
  return {Errc::store_version,
          "the store has format " + std::to_string(version) + "; this program knows formats up to " +
              std::to_string(known) + ".",
          folder, "Use the program that wrote it, or a newer one."};
}

}  // namespace

Result<std::optional<std::uint32_t>> format_version(const Database& database) {
  HILLSTAR_TRY(const auto row, database.meta_row(keys::kFormat));
  if (!row) return std::optional<std::uint32_t>();
  std::uint32_t version = 0;
  const auto [end, error] = std::from_chars(row->data(), row->data() + row->size(), version);
  if (error != std::errc() || end != row->data() + row->size() || version == 0)
    return Error(Errc::store_open, "the store's format version is malformed.", database.folder());
  return std::optional<std::uint32_t>(version);
}

Result<void> migrate(Database& database, std::uint32_t target, const std::vector<Migration>& migrations) {
  HILLSTAR_TRY(const auto found, format_version(database));
  std::uint32_t version = found.value_or(target);
  if (version > target) return newer(version, target, database.folder());
  while (version < target) {
    const auto step = std::find_if(migrations.begin(), migrations.end(),
                                   [&](const Migration& migration) { return migration.from == version; });
    if (step == migrations.end())
      return Error(Errc::store_version,
                   "there is no way from store format " + std::to_string(version) + " to the next.", database.folder());
    HILLSTAR_CHECK(step->apply(database));
    ++version;
    HILLSTAR_CHECK(database.put_meta(keys::kFormat, std::to_string(version)));
  }
  return {};
}

Result<void> bring_up_to_date(Database& database, bool empty) {
  HILLSTAR_TRY(const auto version, format_version(database));
  if (!version) {
    if (!empty) return Error(Errc::store_open, "the store has records but no format version.", database.folder());
    if (database.read_only()) return {};
    return database.put_meta(keys::kFormat, std::to_string(keys::kFormatVersion));
  }
  if (database.read_only() && *version >= keys::kReadableFormat && *version <= keys::kFormatVersion) return {};
  if (database.read_only() && *version < keys::kReadableFormat)
    return Error(Errc::store_version, "the store has the older format " + std::to_string(*version) + ".",
                 database.folder(), "Open it once for writing, for instance with `hillstar-actors run`.");
  return migrate(database, keys::kFormatVersion, released_migrations());
}

}  // namespace hillstar::persistence
