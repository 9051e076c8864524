// SPDX-License-Identifier: Apache-2.0
// gc: removes runs that have ended, and the blobs that nothing names any more, in steps of bounded length.
//
// Order of a removal: in one durable write the run's row goes and a row of the removed run comes; then the lines of its
// records go, some at a time; then blobs that no line of the whole store names. Wherever it is interrupted, the store
// is whole, and the next gc goes on.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "messages/error.hpp"
#include "messages/ids.hpp"
#include "messages/units.hpp"

namespace hillstar::persistence {

class RocksStore;

/// Which runs go. Only runs with an end do, and none that a run without an end inherits from.
struct Retention {
  std::optional<Millis> older_than = {};        ///< Those that ended longer ago.
  std::optional<std::uint64_t> max_bytes = {};  ///< Those beyond the newest that have so many bytes together.
  std::optional<std::uint64_t> keep_last = {};  ///< Never the newest so many; by itself: all others.
  std::optional<std::string> stream = {};       ///< Only runs of this stream,
  std::optional<WorkflowId> workflow = {};      ///< of this workflow.
  /// The policy of a stream: each of the three keeps by itself what it does not remove, and only runs that have ended
  /// count.
  bool any_keeps = false;
  std::optional<UtcTime> none_since = {};  ///< None that began then or later.
};
/// When blobs that nothing names go, too, for which every record of the store is read.
enum class Sweep : std::uint8_t { always, after_removal, never };
struct CollectHow {
  bool dry_run = false;  ///< Nothing is written, and blobs are not counted.
  Sweep sweep = Sweep::always;
};

/// What one gc removed. Kept in the store as a note.
struct Removal {
  UtcTime at;
  std::uint64_t runs = 0;
  std::uint64_t records = 0;
  std::uint64_t record_bytes = 0;  ///< Of their lines.
  std::uint64_t blobs = 0;
  std::uint64_t blob_bytes = 0;
  std::uint64_t blobs_postponed = 0;  ///< Nothing names them, but somebody looked at them a moment ago.

  bool operator==(const Removal&) const = default;
  /// Of two collections, as if they were one.
  Removal& operator+=(const Removal& other);
};
BOOST_DESCRIBE_STRUCT(Removal, (), (at, runs, records, record_bytes, blobs, blob_bytes, blobs_postponed))

class Collector {
 public:
  /// `store`, open for writing unless nothing is written, outlives the collector; one collector at a time.
  Collector(RocksStore& store, Retention retention, UtcTime now, CollectHow how);
  ~Collector();
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  /// Does a bit of it: some milliseconds of work. False: done. Called by the thread that commits, between two commits.
  /// usage: the retention says nothing. Errors of writing are fatal, as those of a commit are.
  Result<bool> step();
  [[nodiscard]] const Removal& removed() const;

 private:
  class Work;
  std::unique_ptr<Work> work_;
};

/// The notes of all gcs, oldest first.
Result<std::vector<Removal>> removals(const RocksStore& store);

}  // namespace hillstar::persistence
