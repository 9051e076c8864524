// SPDX-License-Identifier: Apache-2.0
// EventStore on RocksDB. Layout of the folder: persistence/README.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "persistence/event_store.hpp"

namespace rocksdb {
class Env;
}

namespace hillstar::persistence {

class BlobStore;
class Database;
class HeadKeeper;
class Versions;
struct Tip;

struct StoreOptions {
  /// Reading works without owning the store, also beside its owner: it shows what was committed when it was opened.
  bool read_only = false;
  /// Tests: where files are. Null: the machine. Shared with the database, which must not outlive it.
  std::shared_ptr<rocksdb::Env> env = nullptr;
  std::size_t write_buffer_bytes = 32U << 20U;    ///< Two of them at most.
  std::uint64_t head_records = 4096;              ///< The head file lags by so many records at most,
  std::chrono::milliseconds head_interval{1000};  ///< and by so long.
};

/// Owns the store's folder until it is destroyed. Threads: as EventStore says.
class RocksStore final : public EventStore {
 public:
  /// Opens the store in `folder`; creates it (0700) unless read_only.
  /// store_busy: another process owns it. store_version: made by a newer program. store_truncated, chain_broken:
  /// the log is shorter than, or not the one of, the head file. store_open: anything else.
  static Result<std::unique_ptr<RocksStore>> open(const std::string& folder, const StoreOptions& options = {});
  ~RocksStore() override;

  Result<std::vector<std::size_t>> commit(const std::vector<Append>& appends) override;
  [[nodiscard]] Result<std::vector<Recorded>> read(const RunId& run) const override;
  [[nodiscard]] Result<std::vector<Record>> read_records(const RunId& run, std::uint64_t from,
                                                         std::size_t limit) const override;
  /// Unreadable rows are left out; the first of them is the error at the end.
  Result<void> list(const std::function<bool(const run::Summary&)>& visit) const override;
  [[nodiscard]] Result<RunPage> query(const RunQuery& asked) const override;
  [[nodiscard]] Result<std::vector<RunId>> histories(char letter) const override;
  [[nodiscard]] Result<run::Summary> summary(const RunId& run) const override;
  Result<std::string> put_blob(std::string_view bytes) override;
  [[nodiscard]] Result<std::string> read_blob(const std::string& sha256) const override;
  [[nodiscard]] Result<void> copy_blob(const std::string& sha256,
                                       const std::function<Result<void>(std::string_view)>& take) const override;
  [[nodiscard]] Result<void> pass_blob(const std::string& sha256,
                                       const std::function<Result<void>(std::string_view)>& take) const override;
  [[nodiscard]] bool has_blob(const std::string& sha256) const override;
  std::unique_ptr<BlobSink> blob_sink() override;
  [[nodiscard]] LogHead head() const override;

  /// For repair and verification, which look below the contract.
  [[nodiscard]] const Database& database() const { return *database_; }
  [[nodiscard]] const BlobStore& blobs() const { return *blobs_; }
  /// For gc, which removes what the contract keeps. All by the thread that commits.
  Database& database() { return *database_; }
  BlobStore& blob_files() { return *blobs_; }
  void forget(const RunId& run);
  /// Called with each line that is committed, until another is given.
  void watch_lines(std::function<void(std::string_view line)> watch) { watch_ = std::move(watch); }

 private:
  /// Looks of a reader at a store whose owner moves files, before it believes what it sees.
  static constexpr int kReaderLooksMax = 100;
  static Result<std::unique_ptr<RocksStore>> open_once(const std::string& folder, const StoreOptions& options);

  explicit RocksStore(std::unique_ptr<Database> database);
  struct Batch;
  [[nodiscard]] Result<Tip> tip_of(const RunId& run);
  /// False if the append is refused.
  Result<bool> add(Batch& batch, const Append& append);

  std::unique_ptr<Database> database_;  // first: everything below uses it
  std::unique_ptr<BlobStore> blobs_;
  std::unique_ptr<HeadKeeper> keeper_;  // null if read_only
  std::unique_ptr<Versions> versions_;
  std::unique_ptr<Batch> batch_;  // kept for its memory
  bool indexed_ = true;           // false: of an older format, opened for reading
  bool failed_ = false;           // a write failed: what is on disk is unknown
  std::function<void(std::string_view line)> watch_;
  LogHead opened_at_;  // the head, if read_only
};

}  // namespace hillstar::persistence
