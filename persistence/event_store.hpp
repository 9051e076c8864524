// SPDX-License-Identifier: Apache-2.0
// Where histories are kept. One interface, two stores (RocksDB, memory), one contract test.
//
// Contract:
// - A run's records have versions 1, 2, 3, ...; an append names the version it expects and is refused
//   (store_conflict) if the history is at another. One batch commits all of its appends, or none.
// - When commit() returns, everything in the batch is durable (synced), and so is every blob that was put before.
// - A failed commit means "unknown": the caller must not go on in this process (reliability: never retry a write).
// - Reads see committed data only. Every read of records verifies the hash chain (chain_broken, record_corrupt name
//   run and sequence); other runs stay readable.
// Threads: commit() from one thread at a time; everything else from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"
#include "messages/events.hpp"
#include "messages/ids.hpp"
#include "messages/value.hpp"
#include "persistence/event_codec.hpp"
#include "persistence/run_query.hpp"
#include "runtime/run/view.hpp"

namespace hillstar::persistence {

/// New records of one run, already encoded and chained by persistence/event_codec.hpp.
struct Append {
  RunId run;
  std::uint64_t expected_version = 0;  ///< Records the history must have now.
  std::vector<Record> records;         ///< Versions expected_version + 1, + 2, ...
  run::Summary summary;                ///< The run's row in lists, after these records.
};

/// A point in the whole log: how many records, and a hash over them in the order they were committed.
struct LogHead {
  std::uint64_t count = 0;
  Hash chain{};

  bool operator==(const LogHead&) const = default;
};

class EventStore {
 public:
  virtual ~EventStore() = default;

  /// Commits all appends in one write and one sync. The refused ones (store_conflict) are reported by index and leave
  /// no trace; any other error is fatal for the process (store_write).
  virtual Result<std::vector<std::size_t>> commit(const std::vector<Append>& appends) = 0;

  /// The whole history, verified. run_not_found if there is none.
  [[nodiscard]] virtual Result<std::vector<Recorded>> read(const RunId& run) const = 0;
  /// Records from version `from` (1-based), at most `limit`, verified against their predecessor.
  [[nodiscard]] virtual Result<std::vector<Record>> read_records(const RunId& run, std::uint64_t from,
                                                                 std::size_t limit) const = 0;
  /// Rows of all runs, newest first, without those of streams and states; `visit` returns false to stop.
  virtual Result<void> list(const std::function<bool(const run::Summary&)>& visit) const = 0;
  /// One page of the runs that are asked for. Without an index: looks at every row.
  [[nodiscard]] virtual Result<RunPage> query(const RunQuery& asked) const;
  /// All of them, newest first, page by page; `limit` is not looked at. Rows that cannot be read are left out, and the
  /// first of them is the error at the end.
  Result<void> each(RunQuery asked, const std::function<bool(const run::Summary&)>& visit) const;
  /// Ids of the histories that begin with this letter.
  [[nodiscard]] virtual Result<std::vector<RunId>> histories(char letter) const = 0;
  [[nodiscard]] Result<std::vector<RunId>> streams() const { return histories(kStreamLetter); }
  [[nodiscard]] Result<std::vector<RunId>> states() const { return histories(kStateLetter); }
  [[nodiscard]] virtual Result<run::Summary> summary(const RunId& run) const = 0;

  /// Blobs by content. Putting the same bytes twice is one blob.
  virtual Result<std::string> put_blob(std::string_view bytes) = 0;
  [[nodiscard]] virtual Result<std::string> read_blob(const std::string& sha256) const = 0;
  /// The same piece by piece, for bytes that may be large: memory stays bounded where the store can do so. Nothing is
  /// handed on of a blob that does not have its hash. An error of `take` ends it and is returned.
  [[nodiscard]] virtual Result<void> copy_blob(const std::string& sha256,
                                               const std::function<Result<void>(std::string_view)>& take) const {
    HILLSTAR_TRY(const auto bytes, read_blob(sha256));
    return take(bytes);
  }
  /// The same in one pass, where the store can do so: for whoever hands the bytes to somebody who looks at their hash.
  [[nodiscard]] virtual Result<void> pass_blob(const std::string& sha256,
                                               const std::function<Result<void>(std::string_view)>& take) const {
    return copy_blob(sha256, take);
  }
  [[nodiscard]] virtual bool has_blob(const std::string& sha256) const = 0;
  /// For bytes that may be large: memory stays bounded. Durable with the next commit after finish(), at the latest.
  virtual std::unique_ptr<BlobSink> blob_sink() = 0;

  [[nodiscard]] virtual LogHead head() const = 0;
};

}  // namespace hillstar::persistence
