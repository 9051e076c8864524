// SPDX-License-Identifier: Apache-2.0
// The head file: how long the log is, kept outside the database. A hash chain alone cannot show a cut tail.
//
// The file follows the log: it names a head only after everything up to it is durable. It lags by at most an interval
// or a number of records and never adds a sync to a commit. The commit after a head was published carries a mark row
// with it, so that a log that went on can still be compared with the file. Internal to persistence.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "messages/error.hpp"
#include "persistence/database.hpp"
#include "persistence/event_store.hpp"

namespace hillstar::persistence {

/// `hillstar-head 1\ncount 12\nchain <64 hex digits>\n`.
std::string head_text(const LogHead& head);
std::optional<LogHead> parse_head(std::string_view text);

/// The head file in `folder`, or nothing if there is none. store_open if it is malformed.
Result<std::optional<LogHead>> read_head_file(rocksdb::Env& env, const std::string& folder);
Result<void> write_head_file(rocksdb::Env& env, const std::string& folder, const LogHead& head);

/// Compares a log with its head file: store_truncated if the log is shorter or the file is gone, chain_broken if the
/// log is not a continuation of the one that the file was written for.
Result<void> check_head(const Database& database, const LogHead& log, const std::optional<LogHead>& file);

struct HeadPolicy {
  std::uint64_t records_max = 4096;          ///< Publish after so many records,
  std::chrono::milliseconds interval{1000};  ///< or so long after the first that is not in the file.
};

/// Holds the log's head in memory and keeps the file behind it. Thread-safe; commits come from one thread at a time.
class HeadKeeper {
 public:
  /// `log` is the head now, `file` what the file says; `env` outlives the keeper.
  HeadKeeper(rocksdb::Env& env, std::string folder, const LogHead& log, const LogHead& file, HeadPolicy policy);
  /// Writes the file a last time.
  ~HeadKeeper();
  HeadKeeper(const HeadKeeper&) = delete;
  HeadKeeper& operator=(const HeadKeeper&) = delete;

  /// Begins a commit: no head is published until it ends. Returns the published head that needs a mark row in this
  /// commit, if one does. Fails if the file could not be written.
  Result<std::optional<LogHead>> begin_commit();
  /// Ends it: the log is at `head`, durably. Not called if the commit failed: then nothing is published any more.
  void end_commit(const LogHead& head);
  [[nodiscard]] LogHead head() const;

 private:
  void work();
  void publish();

  rocksdb::Env& env_;
  const std::string folder_;
  const HeadPolicy policy_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  LogHead head_;        ///< Durable.
  LogHead published_;   ///< In the file, or being written to it.
  bool marked_ = true;  ///< `published_` has a mark row, or is the head.
  bool committing_ = false;
  bool due_ = false;      ///< The interval passed while a commit was under way.
  bool pending_ = false;  ///< `published_` is not in the file yet.
  bool stop_ = false;
  std::optional<Error> failure_;
  std::thread worker_;
};

}  // namespace hillstar::persistence
