// SPDX-License-Identifier: Apache-2.0
#include "persistence/database.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <optional>

#include "persistence/files.hpp"
#include "persistence/keys.hpp"
#include "persistence/limits.hpp"

namespace hillstar::persistence {
namespace {

constexpr std::size_t kBlockCacheBytes = 16U << 20U;
constexpr std::uint64_t kWalBytesMax = 64U << 20U;

/// RocksDB's own log file is not kept: after a failed write to it (disk full), builds with assertions abort.
class NoLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char* /*format*/, va_list /*arguments*/) override {}
  void Logv(const rocksdb::InfoLogLevel /*level*/, const char* /*format*/, va_list /*arguments*/) override {}
};

/// A failed write is never tried again in this process. Otherwise threads would wait for space on a full disk.
class NoRecovery final : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason /*reason*/, rocksdb::Status /*error*/,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }
};

rocksdb::DBOptions database_options(const DatabaseOptions& options) {
  rocksdb::DBOptions db;
  db.env = &env_of(options);
  db.create_if_missing = options.mode == OpenMode::write;
  db.create_missing_column_families = options.mode != OpenMode::read_only;
  db.paranoid_checks = true;
  db.info_log = std::make_shared<NoLog>();
  db.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  // Of the four modes only this one neither hides a damaged log nor refuses the torn tail of a power cut. Repair
  // reads as far as the first damage.
  db.wal_recovery_mode = options.mode == OpenMode::repair ? rocksdb::WALRecoveryMode::kPointInTimeRecovery
                                                          : rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  db.recycle_log_file_num = 0;
  db.track_and_verify_wals_in_manifest = options.mode != OpenMode::repair;
  db.max_background_jobs = 2;
  db.max_bgerror_resume_count = 0;
  db.listeners.push_back(std::make_shared<NoRecovery>());
  db.max_total_wal_size = kWalBytesMax;
  db.max_open_files = options.mode == OpenMode::read_only ? -1 : 256;
  db.keep_log_file_num = 1;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  return db;
}

rocksdb::ColumnFamilyOptions family_options(const DatabaseOptions& options,
                                            const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions family;
  family.write_buffer_size = options.write_buffer_bytes;
  family.max_write_buffer_number = 2;
  family.compression = rocksdb::kNoCompression;
  family.paranoid_file_checks = true;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10, false));
  table.format_version = 5;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return family;
}

const std::array<std::string, 4>& family_names() {
  static const std::array<std::string, 4> names = {keys::kMeta, keys::kEvents, keys::kRuns, keys::kBlobs};
  return names;
}

Error refusal(const rocksdb::Status& status, const std::string& folder) {
  const std::string text = status.ToString();
  if (status.IsIOError() && text.find("lock ") != std::string::npos)
    return {Errc::store_busy, "another process has the store open.", folder,
            "Commands join it through its socket; if it hangs, end it first."};
  return open_error(status, folder);
}

/// A newer program may have added families, which RocksDB would refuse with words about RocksDB.
Result<void> check_families(const rocksdb::DBOptions& options, const std::string& folder) {
  std::vector<std::string> present;
  const auto status = rocksdb::DB::ListColumnFamilies(options, folder, &present);
  if (!status.ok()) return open_error(status, folder);
  for (const auto& name : present)
    if (std::find(family_names().begin(), family_names().end(), name) == family_names().end())
      return Error(Errc::store_version, "the store was made by a newer program: it has a table '" + name + "'.", folder,
                   "Use that program, or a newer one.");
  return {};
}

}  // namespace

rocksdb::Env& env_of(const DatabaseOptions& options) {
  return options.env ? *options.env : *rocksdb::Env::Default();
}

Result<std::unique_ptr<Database>> Database::open(const std::string& folder, const DatabaseOptions& options) {
  auto db_options = database_options(options);
  const bool exists = db_options.env->FileExists(folder + "/CURRENT").ok();
  const bool read_only = options.mode == OpenMode::read_only;
  if (exists && !read_only) HILLSTAR_CHECK(check_families(db_options, folder));
  const auto cache = rocksdb::NewLRUCache(kBlockCacheBytes);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const auto& name : family_names()) families.emplace_back(name, family_options(options, cache));
  // Each run's records arrive in order: inserts start where the run's last one ended.
  families[1].options.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(kRunIdBytes));

  auto result = std::unique_ptr<Database>(new Database());
  result->env_owner_ = options.env;
  result->env_ = db_options.env;
  result->folder_ = folder;
  result->read_only_ = read_only;
  rocksdb::DB* db = nullptr;
  rocksdb::Status status;
  if (read_only) {
    // The owner may move files between the reading of two of them; then the next attempt sees the new ones.
    for (int i = 0; i < kReadOnlyOpenMax; ++i) {
      status = rocksdb::DB::OpenForReadOnly(db_options, folder, families, &result->handles_, &db);
      if (status.ok()) break;
    }
    // A subset of the families can be opened for reading, so a newer store must be asked for. While its owner moves
    // files the answer may be an error; only a clear one counts.
    const auto families_known = check_families(db_options, folder);
    if (!families_known && (!status.ok() || families_known.error().code == Errc::store_version))
      return families_known.error();
  } else {
    status = rocksdb::DB::Open(db_options, folder, families, &result->handles_, &db);
    if (options.mode == OpenMode::repair && status.IsCorruption()) {
      // One table was flushed beyond the damage. What follows it is read too; a run that misses records shows it.
      db_options.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
      status = rocksdb::DB::Open(db_options, folder, families, &result->handles_, &db);
    }
  }
  result->db_.reset(db);
  if (!status.ok()) return refusal(status, folder);
  return result;
}

Database::~Database() {
  if (!db_) return;
  if (abandoned_) {
    // Owned by nobody from here on; its environment with it.
    static_cast<void>(db_.release());
    static_cast<void>(new std::shared_ptr<rocksdb::Env>(env_owner_));
    return;
  }
  for (auto* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
  handles_.clear();
  // Everything acknowledged is synced already, so there is nothing to do about an error here.
  db_->Close().PermitUncheckedError();
}

Result<std::optional<std::string>> Database::meta_row(std::string_view key) const {
  std::string value;
  const auto status = db_->Get(rocksdb::ReadOptions(), meta(), slice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return open_error(status, folder_);
  return std::optional<std::string>(std::move(value));
}

Result<void> Database::put_meta(std::string_view key, std::string_view value) {
  rocksdb::WriteOptions synced;
  synced.sync = true;
  const auto status = db_->Put(synced, meta(), slice(key), slice(value));
  if (!status.ok()) {
    abandon();
    return write_error(status, folder_);
  }
  return {};
}

Result<LogHead> Database::head() const {
  HILLSTAR_TRY(const auto row, meta_row(keys::kHead));
  if (!row) return LogHead{};
  const auto head = keys::read_head(*row);
  if (!head) return Error(Errc::store_open, "the row that holds the head of the log is malformed.", folder_);
  return *head;
}

}  // namespace hillstar::persistence
