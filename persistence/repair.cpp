// SPDX-License-Identifier: Apache-2.0
#include "persistence/repair.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "messages/json_codec.hpp"
#include "persistence/blob_names.hpp"
#include "persistence/blob_store.hpp"
#include "persistence/chain.hpp"
#include "persistence/database.hpp"
#include "persistence/files.hpp"
#include "persistence/gone_runs.hpp"
#include "persistence/head_file.hpp"
#include "persistence/keys.hpp"
#include "persistence/layout.hpp"
#include "persistence/migrations.hpp"
#include "persistence/run_rows.hpp"

namespace hillstar::persistence {
namespace {

/// Records whose place in the log is held at a time; a larger log is read several times.
constexpr std::uint64_t kWindowRecords = 4U << 20U;
/// Names of blobs that are known to be good; beyond it a blob may be read twice.
constexpr std::size_t kCheckedBlobsMax = 200'000;
/// Problems that a report lists.
constexpr std::size_t kProblemsMax = 10'000;

/// Runs that have records or a row: a run may have lost either.
Result<std::vector<RunId>> all_runs(const Database& database) {
  std::set<RunId> runs;
  const Rows rows(database, keys::table(keys::Table::runs));
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) runs.emplace(std::string(rows.key().substr(1)));
  if (!rows->status().ok()) return open_error(rows->status(), database.folder());
  const Rows gone(database, keys::table(keys::Table::gone));
  for (gone->SeekToFirst(); gone->Valid(); gone->Next()) runs.emplace(std::string(gone.key().substr(1)));
  if (!gone->status().ok()) return open_error(gone->status(), database.folder());
  const Rows events(database, keys::table(keys::Table::events));
  std::string past;
  for (events->SeekToFirst(); events->Valid(); events->Seek(past)) {
    const std::string run(events.key().substr(0, keys::kRunKeyBytes));
    runs.emplace(run.substr(1));
    past = run + std::string(9, '\xff');
  }
  // Damage among the records is reported by the run that it hits, so an error here ends only the search for more.
  return std::vector<RunId>(runs.begin(), runs.end());
}

class Verifier {
 public:
  Verifier(const Database& database, const BlobStore& blobs) : database_(database), blobs_(blobs) {}

  Result<Verification> run() {
    HILLSTAR_TRY(const auto runs, all_runs(database_));
    for (const auto& run : runs) check_run(run);
    HILLSTAR_CHECK(check_log());
    return std::move(result_);
  }

 private:
  void check_run(const RunId& run) {
    const auto gone = read_gone(database_, rocksdb::ReadOptions(), run);
    if (!gone) return damaged(run, 0, gone.error());
    if (*gone) return check_removed(**gone);
    ++(is_stream_history(run) ? result_.streams : is_state_history(run) ? result_.states : result_.runs);
    std::uint64_t seq = 0;
    const auto walked = walk_run(database_, run, [&](const keys::EventValue& row) -> Result<void> {
      HILLSTAR_TRY(const auto recorded, decode_at(row.line, run, seq + 1));
      check_blobs(recorded.event, run, ++seq);
      return {};
    });
    result_.records += seq;
    if (walked) return;
    const bool row_only = walked.error().where == "run " + run.str();
    damaged(run, row_only ? 0 : seq + 1, walked.error());
  }

  void damaged(const RunId& run, std::uint64_t from_seq, const Error& error) {
    if (result_.damaged.size() < kProblemsMax) result_.damaged.push_back({run.str(), from_seq, to_string(error)});
  }

  void check_removed(const GoneRun& gone) {
    ++result_.removed_runs;
    result_.removed_records += gone.records;
    result_.removed_last = std::max(result_.removed_last.value_or(gone.removed_at), gone.removed_at);
    const auto row = read_summary(database_, rocksdb::ReadOptions(), gone.run);
    if (row) return damaged(gone.run, 0, Error(Errc::record_corrupt, "the run was removed, but it has a row."));
    if (const auto checked = check_gone(database_, gone); !checked) damaged(gone.run, 1, checked.error());
  }

  void check_blobs(const Event& event, const RunId& run, std::uint64_t seq) {
    for (const auto& sha256 : blobs_named_by(event)) check_blob(sha256, run, seq);
  }

  void check_blob(const std::string& sha256, const RunId& run, std::uint64_t seq) {
    if (checked_.contains(sha256)) return;
    if (checked_.size() >= kCheckedBlobsMax) checked_.clear();
    checked_.insert(sha256);
    ++result_.blobs;
    const auto bytes = blobs_.read(sha256);
    if (!bytes && result_.blob_problems.size() < kProblemsMax)
      result_.blob_problems.push_back(to_string(bytes.error()) + " Named by run " + run.str() + ", seq " +
                                      std::to_string(seq) + ".");
  }

  /// Folds the hashes of all records in order of commit and compares with the head.
  Result<void> check_log() {
    HILLSTAR_TRY(const auto head, database_.head());
    LogHead folded;
    std::vector<std::optional<Hash>> window;
    while (folded.count < head.count) {
      const std::uint64_t first = folded.count + 1;
      window.assign(std::min(kWindowRecords, head.count - folded.count), std::nullopt);
      if (!load_window(first, window)) return {};
      for (const auto& hash : window) {
        if (!hash) {
          result_.log_problem = "record " + std::to_string(folded.count + 1) + " of the log is missing";
          return {};
        }
        folded = fold(folded, *hash);
      }
    }
    if (folded != head) result_.log_problem = "the records do not make the chain of the log's head";
    if (result_.log_problem.empty()) HILLSTAR_CHECK(check_order(head));
    return {};
  }

  /// The rows by which pages of the log are found name every position, and none twice.
  Result<void> check_order(const LogHead& head) {
    HILLSTAR_TRY(const auto format, format_version(database_));
    if (format.value_or(keys::kFormatVersion) < keys::kOrderedFormat) return {};
    std::uint64_t next = 1;
    const Rows rows(database_, keys::table(keys::Table::log));
    for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
      const auto stretch = keys::read_stretch(rows.key(), rows.value());
      if (!stretch || stretch->position != next) break;
      next += stretch->count;
    }
    if (!rows->status().ok()) return open_error(rows->status(), database_.folder());
    if (next != head.count + 1)
      result_.log_problem = "the order of the log does not name record " + std::to_string(next);
    return {};
  }

  bool load_window(std::uint64_t first, std::vector<std::optional<Hash>>& window) {
    rocksdb::ReadOptions options;
    options.fill_cache = false;
    const Rows rows(database_, keys::table(keys::Table::events), options);
    for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
      const auto value = keys::read_event(rows.value());
      if (!value || value->position < first || value->position - first >= window.size()) continue;
      window[value->position - first] = value->hash;
    }
    if (rows->status().ok()) return true;
    result_.log_problem = "the log cannot be read to its end (" + rows->status().ToString() + ")";
    return false;
  }

  const Database& database_;
  const BlobStore& blobs_;
  std::set<std::string> checked_;
  Verification result_;
};

std::uint64_t next_note(const Database& database) {
  const Rows rows(database, keys::notes());
  rows->SeekToLast();
  return rows->Valid() ? keys::note_number(rows.key()) + 1 : 1;
}

}  // namespace

Result<Verification> verify_all(const RocksStore& store) { return Verifier(store.database(), store.blobs()).run(); }

Result<RepairReport> repair(const std::string& folder, UtcTime now, const std::shared_ptr<rocksdb::Env>& env) {
  const DatabaseOptions options{.mode = OpenMode::repair, .env = env};
  const auto file = read_head_file(env_of(options), folder);
  auto layout = open_layout(folder, options);
  if (!layout) {
    Error error = layout.error();
    if (error.code == Errc::store_open && (error.hint.empty() || error.hint.find("repair") != std::string::npos))
      error.hint = "This is more than repair can read: restore all of the folder from a backup.";
    return error;
  }
  const auto opened = *std::move(layout);
  auto& database = *opened.database;
  RepairReport report;
  report.at = now;
  report.head_count = opened.file ? opened.file->count : 0;
  report.log_count = opened.log.count;
  report.records_lost = report.head_count > report.log_count ? report.head_count - report.log_count : 0;
  if (!file)
    report.head_problem = file.error().message;
  else if (const auto compared = check_head(database, opened.log, opened.file); !compared)
    report.head_problem = compared.error().message;
  const BlobStore blobs(database, blob_folder(folder));
  HILLSTAR_TRY(auto verified, Verifier(database, blobs).run());
  report.damaged = std::move(verified.damaged);
  report.blob_problems = std::move(verified.blob_problems);
  report.log_problem = std::move(verified.log_problem);
  HILLSTAR_CHECK(database.put_meta(keys::note(next_note(database)), json::to_text(report)));
  HILLSTAR_CHECK(write_head_file(database.env(), folder, opened.log));
  return report;
}

Result<std::vector<std::string>> recovery_notes(const RocksStore& store) {
  const auto& database = store.database();
  std::vector<std::string> notes;
  const Rows rows(database, keys::notes());
  for (rows->SeekToFirst(); rows->Valid() && notes.size() < kProblemsMax; rows->Next())
    notes.emplace_back(rows.value());
  if (!rows->status().ok()) return open_error(rows->status(), database.folder());
  return notes;
}

}  // namespace hillstar::persistence
