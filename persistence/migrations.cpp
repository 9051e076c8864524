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

/// 1 -> 2: rows that say by what runs are found. What a step before left, or an older program made stale since then, is
/// removed first.
Result<void> build_indexes(Database& database) {
  rocksdb::WriteBatch batch;
  rocksdb::Status status;
  const auto write_some = [&](std::size_t limit) -> Result<void> {
    if (!status.ok()) return write_error(status, database.folder());
    if (batch.Count() == 0 || batch.GetDataSize() < limit) return {};
    HILLSTAR_CHECK(database.write(batch, Sync::no));
    batch.Clear();
    return {};
  };
  {
    const Rows left(database, keys::table(keys::Table::index));
    for (left->SeekToFirst(); left->Valid(); left->Next()) {
      status = batch.Delete(left->key());
      HILLSTAR_CHECK(write_some(kBatchBytes));
    }
    if (!left->status().ok()) return open_error(left->status(), database.folder());
  }
  // Rows that cannot be read are left out, as they are of lists.
  const auto listed = list_rows(database, [&](const run::Summary& row) {
    each_index_key(row, [&](const IndexKey& key) {
      if (status.ok()) status = batch.Put(slice(key), rocksdb::Slice());
    });
    return bool{write_some(kBatchBytes)};
  });
  if (!listed && listed.error().code != Errc::record_corrupt) return listed.error();
  return write_some(0);
}

/// Every step that was ever released.
std::vector<Migration> released_migrations() { return {{1, build_indexes}}; }

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
