// SPDX-License-Identifier: Apache-2.0
#include "persistence/migrations.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "persistence/keys.hpp"

namespace hillstar::persistence {
namespace {

/// Every step that was ever released. Format 1 is the first, so there is none yet.
std::vector<Migration> released_migrations() { return {}; }

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
  if (database.read_only() && *version < keys::kFormatVersion)
    return Error(Errc::store_version, "the store has the older format " + std::to_string(*version) + ".",
                 database.folder(), "Open it once for writing, for instance with `hillstar-actors run`.");
  return migrate(database, keys::kFormatVersion, released_migrations());
}

}  // namespace hillstar::persistence
