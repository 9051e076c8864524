// SPDX-License-Identifier: Apache-2.0
#include "persistence/layout.hpp"

#include <rocksdb/env.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "persistence/files.hpp"
#include "persistence/head_file.hpp"
#include "persistence/migrations.hpp"

namespace hillstar::persistence {
namespace {

Result<void> check_database_exists(const std::string& folder, const DatabaseOptions& options,
                                   const std::optional<LogHead>& file) {
  if (env_of(options).FileExists(database_folder(folder) + "/CURRENT").ok()) return {};
  if (file && file->count > 0)
    return Error(
        Errc::store_truncated,
        "the database is gone, but the head file says that it had " + std::to_string(file->count) + " records.", folder,
        "Restore all of the folder from a backup.");
  if (options.mode != OpenMode::write) return Error(Errc::store_open, "there is no store in this folder.", folder);
  return {};
}

}  // namespace

std::string shape_of_files(rocksdb::Env& env, const std::string& folder) {
  std::vector<std::string> names;
  env.GetChildren(database_folder(folder), &names).PermitUncheckedError();
  std::sort(names.begin(), names.end());
  std::string shape;
  for (const auto& name : names) {
    if (!name.ends_with(".log") && !name.starts_with("MANIFEST")) continue;
    shape += name + ' ';
    std::uint64_t bytes = 0;
    if (name.ends_with(".log")) continue;  // grows with every commit
    env.GetFileSize(database_folder(folder) + "/" + name, &bytes).PermitUncheckedError();
    shape += std::to_string(bytes) + ' ';
  }
  return shape;
}

Result<OpenedStore> open_layout(const std::string& folder, const DatabaseOptions& options) {
  auto& env = env_of(options);
  OpenedStore opened;
  // Before the database: its owner may go on, and a log is never behind a file that was read earlier.
  auto file = read_head_file(env, folder);
  if (file)
    opened.file = *file;
  else if (options.mode != OpenMode::repair)
    return file.error();
  HILLSTAR_CHECK(check_database_exists(folder, options, opened.file));
  if (options.mode == OpenMode::write) {
    HILLSTAR_CHECK(create_folder(env, database_folder(folder)));
    HILLSTAR_CHECK(sync_folder(env, folder));
  }
  HILLSTAR_TRY(opened.database, Database::open(database_folder(folder), options));
  if (options.mode != OpenMode::read_only) {
    // Nobody else writes any more: the owner before may have had its last word since the file was read, and the first
    // commit has to mark the head that the file names now.
    file = read_head_file(env, folder);
    if (file)
      opened.file = *file;
    else if (options.mode == OpenMode::write)
      return file.error();
  }
  HILLSTAR_TRY(opened.log, opened.database->head());
  HILLSTAR_CHECK(bring_up_to_date(*opened.database, opened.log.count == 0));
  return opened;
}

}  // namespace hillstar::persistence
