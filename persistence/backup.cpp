// SPDX-License-Identifier: Apache-2.0
#include "persistence/backup.hpp"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <tuple>
#include <utility>

#include "persistence/backup_manifest.hpp"
#include "persistence/database.hpp"
#include "persistence/files.hpp"
#include "persistence/head_file.hpp"
#include "persistence/layout.hpp"
#include "persistence/rocksdb_store.hpp"

namespace hillstar::persistence {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBatchBytes = 4U << 20U;
/// Names that are tried for the store that a restored one replaces.
constexpr int kKeptMax = 1000;
constexpr const char* kLock = "db/LOCK";

rocksdb::Env& env() { return *rocksdb::Env::Default(); }

Error unwritable(const rocksdb::Status& status, const std::string& where) {
  return {Errc::io, "the copy cannot be written (" + status.ToString() + ").", where, {}};
}

std::string resolved(const std::string& path) {
  std::error_code failed;
  auto whole = fs::weakly_canonical(path, failed);
  if (failed) whole = fs::absolute(path, failed);
  return whole.string();
}

bool is_in(const std::string& inner, const std::string& outer) {
  const auto a = resolved(inner);
  const auto b = resolved(outer);
  return a == b || a.starts_with(b + "/");
}

Result<void> check_apart(const std::string& backup, const std::string& store) {
  if (is_in(backup, store) || is_in(store, backup))
    return Error(Errc::usage, "a backup and a store cannot be in each other: the store is " + store + ".", backup,
                 "Name another folder.");
  return {};
}

/// Whether nothing is there, or an empty folder.
bool is_free(const std::string& path) {
  std::error_code failed;
  const auto type = fs::symlink_status(path, failed).type();
  return type == fs::file_type::not_found ||
         (type == fs::file_type::directory && fs::is_empty(path, failed) && !failed);
}

/// All rows as they were when `from` was opened. One log is enough: none of it is kept, the tables are synced.
Result<void> copy_into(const Database& from, Database& to) {
  auto& db = to.db();
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  rocksdb::ReadOptions reading;
  reading.fill_cache = false;
  reading.total_order_seek = true;
  const std::unique_ptr<rocksdb::Iterator> row(from.db().NewIterator(reading));
  rocksdb::WriteBatch batch;
  rocksdb::Status status;
  for (row->SeekToFirst(); status.ok() && row->Valid(); row->Next()) {
    status = batch.Put(row->key(), row->value());
    if (!status.ok() || batch.GetDataSize() < kBatchBytes) continue;
    status = db.Write(options, &batch);
    batch.Clear();
  }
  if (!row->status().ok()) return open_error(row->status(), from.folder());
  if (status.ok()) status = db.Write(options, &batch);
  if (status.ok()) status = db.Flush(rocksdb::FlushOptions());
  if (!status.ok()) return unwritable(status, to.folder());
  return {};
}

Result<void> copy_rows(const Database& from, const std::string& folder) {
  HILLSTAR_CHECK(create_folder(env(), folder));
  auto opened = Database::open(folder, {});
  if (!opened) return Error(Errc::io, opened.error().message, opened.error().where, opened.error().hint);
  const auto to = *std::move(opened);
  auto copied = copy_into(from, *to);
  if (!copied) to->give_up(copied.error());  // closing it would write
  return copied;
}

bool is_blob_path(const fs::path& path) {
  const auto name = path.filename().string();
  return path.parent_path().string() == name.substr(0, 2) && hash_from_hex(name).has_value();
}

/// Every blob in a file that is there now: those that the rows name were there before them.
Result<void> copy_blob_files(const std::string& from, const std::string& to) {
  std::error_code failed;
  if (!fs::is_directory(from, failed)) return {};
  // Folder by folder: what is unfinished comes and goes.
  for (fs::directory_iterator folder(from, failed), end; !failed && folder != end; folder.increment(failed)) {
    const auto name = folder->path().filename().string();
    if (name.size() != 2) continue;
    HILLSTAR_TRY(const auto files, files_below(folder->path().string()));
    for (const auto& file : files)
      if (is_blob_path(fs::path(name) / file)) HILLSTAR_CHECK(copy_file(from, to, name + "/" + file));
  }
  if (failed) return Error(Errc::store_open, "the blobs cannot be listed: " + failed.message() + ".", from);
  return {};
}

Result<void> copy_store(const std::string& store, const std::string& to) {
  HILLSTAR_TRY(const auto source, RocksStore::open(store, {.read_only = true, .env = nullptr}));
  HILLSTAR_CHECK(copy_rows(source->database(), database_folder(to)));
  HILLSTAR_CHECK(copy_blob_files(blob_folder(store), blob_folder(to)));
  return write_head_file(env(), to, source->head());
}

Result<void> check_files(const BackupManifest& manifest, const std::string& backup) {
  const auto store = backup_store(backup);
  const auto damaged = [&](const std::string& path, const char* how) {
    return Error(Errc::record_corrupt, std::string("the backup is damaged: this file ") + how, store + "/" + path,
                 "Use another backup.");
  };
  auto listed = files_below(store);
  if (!listed) return Error(Errc::record_corrupt, listed.error().message, listed.error().where, "Use another backup.");
  auto expected = manifest.files.begin();
  for (const auto& path : *listed) {
    if (expected == manifest.files.end() || path < expected->path) return damaged(path, "does not belong to it.");
    if (path != expected->path) return damaged(expected->path, "is missing.");
    HILLSTAR_TRY(const auto file, hash_file(store, path));
    if (file != *expected) return damaged(path, "is not as it was written.");
    ++expected;
  }
  if (expected != manifest.files.end()) return damaged(expected->path, "is missing.");
  return {};
}

bool has_records(const std::string& store) {
  const auto opened = RocksStore::open(store, {.read_only = true, .env = nullptr});
  return !opened || (*opened)->head().count > 0;
}

/// Holds the lock of a store's database while it lives.
class StoreLock {
 public:
  static Result<std::unique_ptr<StoreLock>> take(const std::string& store) {
    auto result = std::unique_ptr<StoreLock>(new StoreLock());
    if (!fs::exists(database_folder(store))) return result;
    const auto status = env().LockFile(store + "/" + kLock, &result->lock_);
    if (!status.ok())
      return Error(Errc::store_busy, "another process has the store open, so it cannot be replaced.", store,
                   "Wait until its runs have ended, or stop it.");
    return result;
  }
  ~StoreLock() {
    if (lock_ != nullptr) env().UnlockFile(lock_).PermitUncheckedError();
  }
  StoreLock(const StoreLock&) = delete;
  StoreLock& operator=(const StoreLock&) = delete;

 private:
  StoreLock() = default;
  rocksdb::FileLock* lock_ = nullptr;
};

Result<void> check_replaceable(const std::string& store, bool replace) {
  std::error_code failed;
  if (!fs::exists(database_folder(store), failed) && !fs::exists(store + "/head", failed))
    return Error(Errc::usage, "something is in this folder that is no store.", store, "Name another with --store.");
  if (!replace && has_records(store))
    return Error(Errc::usage, "there is a store with runs already, and it is not replaced unasked.", store,
                 "Name another with --store, or give -y: the store that is there is kept beside the restored one.");
  return {};
}

Result<std::string> kept_name(const std::string& store) {
  for (int i = 1; i <= kKeptMax; ++i) {
    auto name = store + ".kept_" + std::to_string(i);
    std::error_code failed;
    if (fs::symlink_status(name, failed).type() == fs::file_type::not_found) return name;
  }
  return Error(Errc::usage, "a thousand replaced stores are kept here already.", store, "Remove some of them.");
}

}  // namespace

Result<BackupManifest> make_backup(const std::string& store, const std::string& folder, const BackupMaker& maker) {
  HILLSTAR_CHECK(check_apart(folder, store));
  if (!is_free(folder))
    return Error(Errc::usage, "there is something already, and a backup overwrites nothing.", folder,
                 "Name a new folder.");
  HILLSTAR_TRY(auto work, WorkFolder::make(folder + ".partial", {"store", "manifest.json"}));
  const auto copy = backup_store(work.path());
  HILLSTAR_CHECK(copy_store(store, copy));
  env().DeleteFile(copy + "/" + kLock).PermitUncheckedError();
  BackupManifest manifest;
  manifest.program = maker.program;
  manifest.at = maker.at;
  HILLSTAR_TRY(const auto paths, files_below(copy));
  for (const auto& path : paths) {
    HILLSTAR_TRY(auto file, settle_file(copy, path));
    manifest.files.push_back(std::move(file));
  }
  HILLSTAR_CHECK(settle_folders(work.path()));
  HILLSTAR_CHECK(examine(copy, maker.check, manifest));
  HILLSTAR_CHECK(write_new_file(manifest_file(work.path()), manifest_text(manifest)));
  HILLSTAR_CHECK(sync_name(manifest_file(work.path())));
  // As whoever wants it back will find it.
  HILLSTAR_TRY(manifest, read_manifest(work.path()));
  HILLSTAR_CHECK(check_files(manifest, work.path()));
  HILLSTAR_CHECK(work.put(folder));
  return manifest;
}

Result<BackupManifest> check_backup(const std::string& folder, const CheckRun& check) {
  HILLSTAR_TRY(const auto manifest, read_manifest(folder));
  HILLSTAR_CHECK(check_files(manifest, folder));
  auto found = manifest;
  HILLSTAR_CHECK(examine(backup_store(folder), check, found));
  // The words of a problem may name folders; how many there are may not change.
  const auto facts = [](const BackupManifest& m) {
    return std::tuple(m.runs, m.records, m.blobs, m.log_count, m.log_chain, m.problems.size());
  };
  if (facts(found) == facts(manifest)) return manifest;
  return Error(Errc::record_corrupt, "the backup does not hold what its manifest says.", folder, "Use another backup.");
}

Result<Restored> restore_backup(const std::string& folder, const std::string& store, bool replace,
                                const CheckRun& check) {
  HILLSTAR_CHECK(check_apart(folder, store));
  const bool fresh = is_free(store);
  if (!fresh) HILLSTAR_CHECK(check_replaceable(store, replace));
  Restored restored;
  HILLSTAR_TRY(restored.manifest, check_backup(folder, check));
  HILLSTAR_TRY(auto work, WorkFolder::make(store + ".partial", {"db", "blobs", "head"}));
  for (const auto& file : restored.manifest.files) {
    HILLSTAR_TRY(const auto copied, copy_file(backup_store(folder), work.path(), file.path));
    if (copied != file)
      return Error(Errc::record_corrupt, "the backup changed while it was read.", folder + "/" + file.path);
  }
  HILLSTAR_CHECK(settle_folders(work.path()));
  if (fresh) {
    HILLSTAR_CHECK(work.put(store));
    return restored;
  }
  HILLSTAR_TRY(const auto lock, StoreLock::take(store));
  // Nobody writes any more; somebody may have until now.
  HILLSTAR_CHECK(check_replaceable(store, replace));
  HILLSTAR_TRY(restored.kept, kept_name(store));
  HILLSTAR_CHECK(work.swap(store, restored.kept));
  return restored;
}

}  // namespace hillstar::persistence
