// SPDX-License-Identifier: Apache-2.0
#include "persistence/database.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>

#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include "persistence/files.hpp"
#include "persistence/keys.hpp"
#include "persistence/limits.hpp"

namespace hillstar::persistence {
namespace {

constexpr std::size_t kBlockCacheBytes = 16U << 20U;

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

/// A database that is open until the process ends, with the environment it writes through.
struct LeftOpen {
  std::unique_ptr<rocksdb::DB> db;
  std::shared_ptr<rocksdb::Env> env;
  const LeftOpen* before = nullptr;
};

/// For a database whose last write failed: closing it would write. It stays reachable, so that a leak checker can tell
/// it from what was forgotten.
void leave_open(std::unique_ptr<rocksdb::DB> db, std::shared_ptr<rocksdb::Env> env) {
  static std::atomic<const LeftOpen*> last = nullptr;
  auto* one = new LeftOpen{std::move(db), std::move(env), nullptr};
  one->before = last.exchange(one);
}

rocksdb::Options rocksdb_options(const DatabaseOptions& options) {
  rocksdb::Options db;
  db.env = &env_of(options);
  db.create_if_missing = options.mode == OpenMode::write;
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
  // On the calling thread: where threads are refused, RocksDB would end the process.
  db.max_file_opening_threads = 1;
  db.max_open_files = options.mode == OpenMode::read_only ? -1 : 256;
  // A store has few files, and a command lives for milliseconds: no 16 threads to open them, no look into each for
  // statistics.
  db.max_file_opening_threads = 1;
  db.skip_stats_update_on_db_open = true;
  db.keep_log_file_num = 1;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  db.write_buffer_size = options.write_buffer_bytes;
  db.max_write_buffer_number = 2;
  db.compression = rocksdb::kNoCompression;
  db.paranoid_file_checks = true;
  // Each run's records arrive in order: inserts start where the run's last one ended.
  db.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(keys::kRunKeyBytes));
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(kBlockCacheBytes);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10, false));
  table.format_version = 5;
  // Indexes and filters in pieces that come and go with the cache: else each open table keeps its own whole, and memory
  // grows with the store. The small index over the pieces stays.
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.metadata_cache_options.top_level_index_pinning = rocksdb::PinningTier::kAll;
  table.metadata_cache_options.partition_pinning = rocksdb::PinningTier::kFlushedAndSimilar;
  db.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return db;
}

Error refusal(const rocksdb::Status& status, const std::string& folder) {
  const std::string text = status.ToString();
  if (status.IsIOError() && text.find("lock ") != std::string::npos)
    return {Errc::store_busy, "another process has the store open.", folder,
            "Commands join it through its socket; if it hangs, end it first."};
  if (status.IsInvalidArgument() && text.find("olumn families not opened") != std::string::npos)
    return {Errc::store_version, "the store was made by another program: it has tables that this one does not know.",
            folder, "Use that program, or a newer one."};
  return open_error(status, folder);
}

}  // namespace

rocksdb::Env& env_of(const DatabaseOptions& options) { return options.env ? *options.env : *rocksdb::Env::Default(); }

Result<std::unique_ptr<Database>> Database::open(const std::string& folder, const DatabaseOptions& options) {
  const auto db_options = rocksdb_options(options);
  auto result = std::unique_ptr<Database>(new Database());
  result->env_owner_ = options.env;
  result->env_ = db_options.env;
  result->folder_ = folder;
  result->read_only_ = options.mode == OpenMode::read_only;
  rocksdb::DB* db = nullptr;
  rocksdb::Status status;
  if (result->read_only_) {
    // The owner may move files between the reading of two of them; then the next attempt sees the new ones.
    for (int i = 0; i < kReadOnlyOpenMax; ++i) {
      status = rocksdb::DB::OpenForReadOnly(db_options, folder, &db);
      if (status.ok()) break;
    }
  } else {
    status = rocksdb::DB::Open(db_options, folder, &db);
  }
  result->db_.reset(db);
  if (!status.ok()) return refusal(status, folder);
  return result;
}

Database::~Database() {
  if (!db_) return;
  if (failure_) {
    leave_open(std::move(db_), std::move(env_owner_));
    return;
  }
  // Everything acknowledged is synced already, so there is nothing to do about an error here.
  db_->Close().PermitUncheckedError();
}

Result<std::optional<std::string>> Database::meta_row(std::string_view key) const {
  std::string value;
  const auto status = db_->Get(rocksdb::ReadOptions(), keys::meta(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return open_error(status, folder_);
  return std::optional<std::string>(std::move(value));
}

Result<void> Database::put_meta(std::string_view key, std::string_view value) {
  rocksdb::WriteBatch batch;
  const auto status = batch.Put(keys::meta(key), slice(value));
  if (!status.ok()) return write_error(status, folder_);
  return write(batch, Sync::yes);
}

Result<void> Database::write(rocksdb::WriteBatch& batch, Sync sync) {
  const std::lock_guard lock(writing_);
  if (failure_) return *failure_;
  rocksdb::WriteOptions options;
  options.sync = sync == Sync::yes;
  rocksdb::Status status;
  // RocksDB may begin a new log file with this very write, and syncs both files in one go: a power cut in that moment
  // may keep the new one and lose the end of the old one. What this batch builds on is therefore durable before it.
  if (options.sync && unsynced_) status = db_->SyncWAL();
  if (status.ok()) status = db_->Write(options, &batch);
  unsynced_ = !options.sync;
  if (status.ok()) return {};
  failure_ = write_error(status, folder_);
  return *failure_;
}

void Database::give_up(const Error& error) {
  const std::lock_guard lock(writing_);
  if (!failure_) failure_ = error;
}

Result<LogHead> Database::head() const {
  HILLSTAR_TRY(const auto row, meta_row(keys::kHead));
  if (!row) return LogHead{};
  const auto head = keys::read_head(*row);
  if (!head) return Error(Errc::store_open, "the row that holds the head of the log is malformed.", folder_);
  return *head;
}

Rows::Rows(const Database& database, keys::Range range, rocksdb::ReadOptions options)
    : range_(std::move(range)), first_(range_.first), end_(range_.end) {
  options.iterate_lower_bound = &first_;
  options.iterate_upper_bound = &end_;
  iterator_.reset(database.db().NewIterator(options));
}

}  // namespace hillstar::persistence
