// SPDX-License-Identifier: Apache-2.0
#include "persistence/run_rows.hpp"

#include <rocksdb/snapshot.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "messages/json_codec.hpp"
#include "persistence/chain.hpp"
#include "persistence/files.hpp"
#include "persistence/gone_runs.hpp"
#include "persistence/limits.hpp"

namespace hillstar::persistence {
namespace {

constexpr std::size_t kReadaheadBytes = 256U << 10U;

std::string_view view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

Error unreadable(const rocksdb::Status& status, const RunId& run, std::uint64_t seq) {
  return record_error(Errc::record_corrupt, "the record cannot be read (" + status.ToString() + ").", run, seq);
}

Error not_found(const RunId& run) {
  return {Errc::run_not_found, "there is no run " + run.str() + ".", {}, "`hillstar-actors ls` shows the runs."};
}

Result<run::Summary> parse_summary(std::string_view row, const RunId& run) {
  const auto bad = [&](const Error& error) {
    return Error(Errc::record_corrupt, "the run's row cannot be read: " + error.message, "run " + run.str());
  };
  auto parsed = json::parse(row);
  if (!parsed) return bad(parsed.error());
  auto summary = json::read<run::Summary>(*parsed);
  if (!summary) return bad(summary.error());
  if (summary->run != run) return bad(Error(Errc::record_corrupt, "it belongs to another run."));
  return summary;
}

/// The verified rows of a run from one record on, over a snapshot.
class RunReader {
 public:
  RunReader(const Database& database, RunId run)
      : database_(database), run_(std::move(run)), snapshot_(&database.db()) {
    options_.snapshot = snapshot_.snapshot();
    options_.verify_checksums = true;
  }

  /// Reads the summary row: how long the history must be.
  Result<void> start(std::uint64_t from) {
    HILLSTAR_TRY(const auto summary, read_summary(database_, options_, run_));
    version_ = summary.version;
    options_.readahead_size = version_ - std::min(from, version_) > kPageRecords ? kReadaheadBytes : 0;
    HILLSTAR_TRY(const auto before, from <= 1 || from > version_ ? Result<Hash>(Hash{})
                                                                 : hash_of_record(database_, options_, run_, from - 1));
    walk_.emplace(run_, from - 1, before);
    rows_.emplace(database_, keys::events_of(run_, from), options_);
    (*rows_)->SeekToFirst();
    return {};
  }

  [[nodiscard]] std::uint64_t version() const { return version_; }
  [[nodiscard]] const ChainWalk& walk() const { return *walk_; }

  /// The next record, or nothing at the end of the history.
  Result<std::optional<keys::EventValue>> next() {
    const auto& rows = *rows_;
    if (!first_) rows->Next();
    first_ = false;
    const std::uint64_t expected = walk_->seq() + 1;
    if (!rows->Valid()) {
      if (!rows->status().ok()) return unreadable(rows->status(), run_, expected);
      return std::optional<keys::EventValue>();
    }
    const auto key = keys::read_event_key(rows.key());
    const auto value = keys::read_event(rows.value());
    if (!key || !value) return record_error(Errc::record_corrupt, "the record's row is malformed.", run_, expected);
    HILLSTAR_CHECK(walk_->step(key->seq, value->hash, value->line));
    if (walk_->seq() > version_) return walk_->ends_at(version_).error();
    return value;
  }

 private:
  const Database& database_;
  RunId run_;
  rocksdb::ManagedSnapshot snapshot_;
  rocksdb::ReadOptions options_;
  std::uint64_t version_ = 0;
  std::optional<ChainWalk> walk_;
  std::optional<Rows> rows_;
  bool first_ = true;
};

/// A run without a row has no records either; records without a row are damage, not a new run.
Error missing_row(const Database& database, const rocksdb::ReadOptions& options, const RunId& run) {
  const Rows rows(database, keys::events_of(run, 0), options);
  rows->SeekToFirst();
  if (!rows->Valid() && rows->status().ok()) return not_found(run);
  const auto gone = read_gone(database, options, run);
  if (!gone) return gone.error();
  if (*gone) return gone_error(**gone);
  return record_error(Errc::chain_broken, "the run has records but no row in the list of runs.", run, 1);
}

}  // namespace

Result<run::Summary> read_summary(const Database& database, const rocksdb::ReadOptions& options, const RunId& run) {
  if (run.str().size() != kRunIdBytes) return not_found(run);
  rocksdb::PinnableSlice row;
  auto& db = database.db();
  const auto status = db.Get(options, db.DefaultColumnFamily(), slice(keys::run(run)), &row);
  if (status.IsNotFound()) return missing_row(database, options, run);
  if (!status.ok())
    return Error(Errc::record_corrupt, "the run's row cannot be read (" + status.ToString() + ").", "run " + run.str());
  return parse_summary(view(row), run);
}

Result<Hash> hash_of_record(const Database& database, const rocksdb::ReadOptions& options, const RunId& run,
                            std::uint64_t seq) {
  if (seq == 0) return Hash{};
  rocksdb::PinnableSlice row;
  auto& db = database.db();
  const auto status = db.Get(options, db.DefaultColumnFamily(), slice(keys::event(run, seq)), &row);
  if (status.IsNotFound()) return record_error(Errc::chain_broken, "the record is missing.", run, seq);
  if (!status.ok()) return unreadable(status, run, seq);
  const auto value = keys::read_event(view(row));
  if (!value) return record_error(Errc::record_corrupt, "the record's row is malformed.", run, seq);
  return value->hash;
}

Result<void> walk_run(const Database& database, const RunId& run,
                      const std::function<Result<void>(const keys::EventValue&)>& visit) {
  if (run.str().size() != kRunIdBytes) return not_found(run);
  RunReader reader(database, run);
  HILLSTAR_CHECK(reader.start(1));
  for (;;) {
    HILLSTAR_TRY(const auto row, reader.next());
    if (!row) return reader.walk().ends_at(reader.version());
    HILLSTAR_CHECK(visit(*row));
  }
}

Result<std::vector<Record>> read_page(const Database& database, const RunId& run, std::uint64_t from,
                                      std::size_t limit) {
  if (run.str().size() != kRunIdBytes) return not_found(run);
  RunReader reader(database, run);
  HILLSTAR_CHECK(reader.start(std::max<std::uint64_t>(from, 1)));
  std::vector<Record> records;
  if (reader.walk().seq() >= reader.version()) return records;
  while (records.size() < limit) {
    HILLSTAR_TRY(const auto row, reader.next());
    if (!row) {
      HILLSTAR_CHECK(reader.walk().ends_at(reader.version()));
      break;
    }
    records.push_back({reader.walk().seq(), row->hash, std::string(row->line)});
  }
  return records;
}

Result<void> list_rows(const Database& database, const std::function<bool(const run::Summary&)>& visit) {
  const Rows rows(database, keys::runs());
  std::optional<Error> first_error;
  for (rows->SeekToLast(); rows->Valid(); rows->Prev()) {
    const auto summary = parse_summary(rows.value(), RunId(std::string(rows.key().substr(1))));
    if (!summary) {
      if (!first_error) first_error = summary.error();
    } else if (!visit(*summary)) {
      return {};
    }
  }
  if (!rows->status().ok()) return open_error(rows->status(), database.folder());
  if (first_error) return *first_error;
  return {};
}

Result<std::vector<RunId>> list_histories(const Database& database, char letter) {
  const Rows rows(database, keys::rows_with(letter));
  std::vector<RunId> found;
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) found.emplace_back(std::string(rows.key().substr(1)));
  if (!rows->status().ok()) return open_error(rows->status(), database.folder());
  return found;
}

}  // namespace hillstar::persistence
