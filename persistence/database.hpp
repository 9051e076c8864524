// SPDX-License-Identifier: Apache-2.0
// The RocksDB database inside a store: its options, its column families, its life. Internal to persistence.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "messages/error.hpp"
#include "persistence/event_store.hpp"

namespace hillstar::persistence {

enum class OpenMode { write, read_only, repair };

struct DatabaseOptions {
  OpenMode mode = OpenMode::write;
  std::shared_ptr<rocksdb::Env> env = nullptr;  ///< Null: the machine's. Shared: the database must not outlive it.
  std::size_t write_buffer_bytes = 16U << 20U;
};

/// An open database. Owns its handles; closes in the right order.
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
  [[nodiscard]] rocksdb::ColumnFamilyHandle* meta() const { return handles_[0]; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* events() const { return handles_[1]; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* runs() const { return handles_[2]; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* blobs() const { return handles_[3]; }

  /// A meta row, or nothing; store_open if it cannot be read.
  [[nodiscard]] Result<std::optional<std::string>> meta_row(std::string_view key) const;
  /// Writes a meta row, synced.
  Result<void> put_meta(std::string_view key, std::string_view value);
  /// After a failed write: the database is then left as it is and never closed, and the process is to end. Closing it
  /// would trip an assertion in builds of RocksDB that have them: a write that fails while it switches memtables keeps
  /// references. Thread-safe.
  void abandon() { abandoned_ = true; }
  /// A write has failed: nothing more may be written, not even by another caller, whose write would go behind the
  /// damage in the same file (RocksDB built with assertions aborts then).
  [[nodiscard]] bool is_abandoned() const { return abandoned_; }
  /// The log head row; {} if the log is empty.
  [[nodiscard]] Result<LogHead> head() const;

 private:
  Database() = default;

  std::shared_ptr<rocksdb::Env> env_owner_;
  rocksdb::Env* env_ = nullptr;
  std::string folder_;
  bool read_only_ = false;
  std::atomic<bool> abandoned_{false};
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
};

/// The Env of the options, or the machine's.
rocksdb::Env& env_of(const DatabaseOptions& options);
inline rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
template <std::size_t N>
rocksdb::Slice slice(const std::array<char, N>& bytes) {
  return {bytes.data(), bytes.size()};
}

}  // namespace hillstar::persistence
