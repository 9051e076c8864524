// SPDX-License-Identifier: Apache-2.0
// Bytes by content: small blobs as rows, large ones as files. Internal to persistence.
//
// A row is written without a sync: the log of RocksDB is one sequence, so the sync of the next commit covers it. A file
// is synced, renamed into place, and its name synced, before its hash is handed out.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "messages/error.hpp"
#include "messages/value.hpp"
#include "persistence/database.hpp"
#include "persistence/files.hpp"
#include "persistence/recent_blobs.hpp"

namespace hillstar::persistence {

/// Thread-safe.
class BlobStore {
 public:
  /// `database` outlives the blob store and its sinks. `folder` holds the files.
  BlobStore(Database& database, std::string folder);

  /// Creates the folders and removes what a crash left unfinished. Not for a store opened for reading.
  Result<void> prepare();
  Result<std::string> put(std::string_view bytes);
  /// blob_missing if there is none, record_corrupt if its bytes do not have its hash.
  [[nodiscard]] Result<std::string> read(const std::string& sha256) const;
  /// The same piece by piece; nothing is handed on of a blob that does not have its hash.
  [[nodiscard]] Result<void> copy(const std::string& sha256, const TakeBytes& take) const;
  [[nodiscard]] Result<void> pass(const std::string& sha256, const TakeBytes& take) const;
  [[nodiscard]] bool has(const std::string& sha256) const;
  std::unique_ptr<BlobSink> sink();

  /// For gc. Every blob whose hash begins with `first`, rows and files.
  Result<void> each_name(std::uint8_t first, const std::function<void(const Hash&)>& visit) const;
  /// Removes the blob and says how many bytes it had. Nothing: somebody put it or asked for it in the last
  /// kBlobRestMin, and may be about to name it in a record.
  Result<std::optional<std::uint64_t>> remove(const Hash& hash);

 private:
  class Sink;
  [[nodiscard]] rocksdb::Status get_row(const Hash& hash, rocksdb::PinnableSlice& row) const;
  Result<void> put_row(const Hash& hash, std::string_view bytes);
  /// Moves a synced temporary file to where the hash says.
  Result<void> keep_file(const std::string& temporary, const std::string& hex);
  [[nodiscard]] std::string file_of(const std::string& hex) const;
  [[nodiscard]] std::string temporary_folder() const { return folder_ + "/tmp"; }

  Database& database_;
  const std::string folder_;
  std::atomic<std::uint64_t> next_temporary_{1};
  mutable RecentBlobs recent_;
  std::mutex folders_;  ///< A folder that is seen is a folder whose name is durable.
};

}  // namespace hillstar::persistence
