// SPDX-License-Identifier: Apache-2.0
// The RocksDB database inside a store: its options, its life, the one way to write to it. Internal to persistence.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/iterator.h>
#include <rocksdb/write_batch.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "messages/error.hpp"
#include "persistence/event_store.hpp"
#include "persistence/keys.hpp"

namespace hillstar::persistence {

enum class OpenMode { write, read_only, repair };

struct DatabaseOptions {
  OpenMode mode = OpenMode::write;
  std::shared_ptr<rocksdb::Env> env = nullptr;  ///< Null: the machine's. Shared: the database must not outlive it.
  std::size_t write_buffer_bytes = 32U << 20U;
};

enum class Sync { no, yes };

/// An open database.
class Database {
 public:
  /// Opens `folder`; creates it in mode `write`. store_busy if another process owns it, store_version if it was made
  /// by a newer program, store_open otherwise.
  static Result<std::unique_ptr<Database>> open(const std::string& folder, const DatabaseOptions& options);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  [[nodiscard]] rocksdb::DB& db() const { return *db_; }
  [[nodiscard]] rocksdb::Env& env() const { return *env_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] bool read_only() const { return read_only_; }

  /// A meta row, or nothing; store_open if it cannot be read.
  [[nodiscard]] Result<std::optional<std::string>> meta_row(std::string_view key) const;
  /// Writes a meta row, synced.
  Result<void> put_meta(std::string_view key, std::string_view value);
  /// The log head row; {} if the log is empty.
  [[nodiscard]] Result<LogHead> head() const;

  /// Writes all of the batch or nothing. With Sync::yes it is durable when this returns, and whatever was written
  /// before is durable before any of it. store_write if it fails, and from then on: nobody may write behind the damage
  /// in the same file. The database is then left as it is and never closed, and the process is to end. (Builds of
  /// RocksDB with assertions abort at a write behind a failed one, and at closing what failed while it switched
  /// buffers.) Thread-safe.
  Result<void> write(rocksdb::WriteBatch& batch, Sync sync);
  /// After a failed write beside the database: from now on every write fails with this error, or with an earlier one.
  /// Thread-safe.
  void give_up(const Error& error);

 private:
  Database() = default;

  std::shared_ptr<rocksdb::Env> env_owner_;
  rocksdb::Env* env_ = nullptr;
  std::string folder_;
  bool read_only_ = false;
  std::mutex writing_;            ///< RocksDB lets in one writer at a time as well.
  bool unsynced_ = false;         ///< The last write was not synced. Under `writing_`.
  std::optional<Error> failure_;  ///< Of the first write that failed. Under `writing_`.
  std::unique_ptr<rocksdb::DB> db_;
};

/// An iterator over a range of keys, as long as this object lives. `options` say the rest; what they point to outlives
/// the object.
class Rows {
 public:
  Rows(const Database& database, keys::Range range, rocksdb::ReadOptions options = {});
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  rocksdb::Iterator* operator->() const { return iterator_.get(); }
  [[nodiscard]] std::string_view key() const { return {iterator_->key().data(), iterator_->key().size()}; }
  [[nodiscard]] std::string_view value() const { return {iterator_->value().data(), iterator_->value().size()}; }

 private:
  const keys::Range range_;
  const rocksdb::Slice first_;
  const rocksdb::Slice end_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

/// The Env of the options, or the machine's.
rocksdb::Env& env_of(const DatabaseOptions& options);
inline rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
template <std::size_t N>
rocksdb::Slice slice(const std::array<char, N>& bytes) {
  return {bytes.data(), bytes.size()};
}

}  // namespace hillstar::persistence
