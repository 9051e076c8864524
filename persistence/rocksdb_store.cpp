// SPDX-License-Identifier: Apache-2.0
#include "persistence/rocksdb_store.hpp"

#include <rocksdb/db.h>
#include <rocksdb/perf_level.h>
#include <rocksdb/write_batch.h>

#include <unordered_map>
#include <utility>

#include "messages/json_codec.hpp"
#include "persistence/blob_store.hpp"
#include "persistence/chain.hpp"
#include "persistence/database.hpp"
#include "persistence/files.hpp"
#include "persistence/gone_runs.hpp"
#include "persistence/head_file.hpp"
#include "persistence/keys.hpp"
#include "persistence/layout.hpp"
#include "persistence/migrations.hpp"
#include "persistence/run_index.hpp"
#include "persistence/run_rows.hpp"
#include "persistence/run_search.hpp"
#include "persistence/versions.hpp"

namespace hillstar::persistence {

/// One write under construction.
struct RocksStore::Batch {
  rocksdb::WriteBatch writes;
  std::unordered_map<RunId, Tip> tips;  ///< Of the runs that this batch writes to.
  LogHead head;
  std::string row;  ///< Scratch for a summary.

  void clear(const LogHead& start) {
    writes.Clear();
    tips.clear();
    head = start;
  }
};

namespace {

/// Of a removed run: no append meets it.
constexpr auto kNoVersion = ~std::uint64_t{0};

/// Rows of the indexes for a history whose end was `before`.
rocksdb::Status index(rocksdb::WriteBatch& writes, const Tip& before, const run::Summary& row) {
  rocksdb::Status status;
  const auto put = [&](const IndexKey& key) {
    if (status.ok()) status = writes.Put(slice(key), rocksdb::Slice());
  };
  if (before.version == 0) {
    each_index_key(row, put);
  } else if (before.status != row.status && is_run_history(row.run)) {
    status = writes.Delete(slice(index_key(index_prefix(IndexKind::status, before.status), row.run)));
    put(index_key(index_prefix(IndexKind::status, row.status), row.run));
  }
  return status;
}

}  // namespace

RocksStore::RocksStore(std::unique_ptr<Database> database)
    : database_(std::move(database)), versions_(std::make_unique<Versions>()), batch_(std::make_unique<Batch>()) {}

RocksStore::~RocksStore() = default;

Result<std::unique_ptr<RocksStore>> RocksStore::open(const std::string& folder, const StoreOptions& options) {
  if (!options.read_only) return open_once(folder, options);
  // An owner that moves records from one file to another while a reader opens them makes them look damaged, or gone.
  // A look counts if nothing was moved meanwhile; what is really damaged stays so.
  auto& env = options.env ? *options.env : *rocksdb::Env::Default();
  for (int look = 1;; ++look) {
    const auto before = shape_of_files(env, folder);
    auto store = open_once(folder, options);
    if (look == kReaderLooksMax || shape_of_files(env, folder) == before) return store;
  }
}

Result<std::unique_ptr<RocksStore>> RocksStore::open_once(const std::string& folder, const StoreOptions& options) {
  const DatabaseOptions database_options{.mode = options.read_only ? OpenMode::read_only : OpenMode::write,
                                         .env = options.env,
                                         .write_buffer_bytes = options.write_buffer_bytes};
  HILLSTAR_TRY(auto opened, open_layout(folder, database_options));
  HILLSTAR_CHECK(check_head(*opened.database, opened.log, opened.file));
  auto store = std::unique_ptr<RocksStore>(new RocksStore(std::move(opened.database)));
  store->opened_at_ = opened.log;
  store->blobs_ = std::make_unique<BlobStore>(*store->database_, blob_folder(folder));
  HILLSTAR_TRY(const auto format, format_version(*store->database_));
  store->indexed_ = format.value_or(keys::kFormatVersion) >= keys::kIndexedFormat;
  if (options.read_only) return store;
  HILLSTAR_CHECK(store->blobs_->prepare());
  auto& env = store->database_->env();
  // From the first record on there is a file, so that its absence means something.
  if (!opened.file) HILLSTAR_CHECK(write_head_file(env, folder, opened.log));
  store->keeper_ = std::make_unique<HeadKeeper>(env, folder, opened.log, opened.file.value_or(opened.log),
                                                HeadPolicy{options.head_records, options.head_interval});
  return store;
}

Result<Tip> RocksStore::tip_of(const RunId& run) {
  if (const auto known = versions_->find(run)) return *known;
  const auto row = read_summary(*database_, rocksdb::ReadOptions(), run);
  if (!row && row.error().code == Errc::run_not_found) {
    HILLSTAR_TRY(const auto gone, read_gone(*database_, rocksdb::ReadOptions(), run));
    return Tip{gone ? kNoVersion : 0, {}, {}};
  }
  if (!row) return row.error();
  Tip tip{row->version, {}, row->status};
  HILLSTAR_TRY(tip.hash, hash_of_record(*database_, rocksdb::ReadOptions(), run, tip.version));
  return tip;
}

Result<bool> RocksStore::add(Batch& batch, const Append& append) {
  if (append.run.str().size() != kRunIdBytes)
    return Error(Errc::internal, "a run id has 26 characters.", "append to run " + append.run.str());
  Tip tip;
  if (const auto found = batch.tips.find(append.run); found != batch.tips.end()) {
    tip = found->second;
  } else {
    HILLSTAR_TRY(tip, tip_of(append.run));
  }
  if (tip.version != append.expected_version) return false;
  HILLSTAR_CHECK(check_append(append, tip.hash));
  rocksdb::Status status = batch.writes.Put(
      slice(keys::stretch_key(batch.head.count + 1)),
      slice(
          keys::stretch_value({batch.head.count + 1, append.run, append.expected_version + 1, append.records.size()})));
  if (!status.ok()) return write_error(status, database_->folder());
  for (const auto& record : append.records) {
    batch.head = fold(batch.head, record.hash);
    const auto key = keys::event(append.run, record.seq);
    const auto header = keys::event_header(batch.head.count, record.hash);
    const rocksdb::Slice key_part = slice(key);
    const std::array<rocksdb::Slice, 2> parts = {slice(header), slice(record.line)};
    status = batch.writes.Put(rocksdb::SliceParts(&key_part, 1),
                              rocksdb::SliceParts(parts.data(), static_cast<int>(parts.size())));
    if (!status.ok()) return write_error(status, database_->folder());
  }
  batch.row.clear();
  json::write(batch.row, append.summary);
  status = batch.writes.Put(slice(keys::run(append.run)), slice(batch.row));
  if (!status.ok()) return write_error(status, database_->folder());
  status = index(batch.writes, tip, append.summary);
  if (!status.ok()) return write_error(status, database_->folder());
  batch.tips.insert_or_assign(append.run, Tip{append.summary.version, append.records.back().hash, append.summary.status,
                                              run::is_terminal(append.summary)});
  return true;
}

Result<std::vector<std::size_t>> RocksStore::commit(const std::vector<Append>& appends) {
  if (!keeper_) return Error(Errc::store_write, "the store was opened for reading.", database_->folder());
  if (failed_)
    return Error(Errc::store_write, "an earlier write failed, so nothing more is written.", database_->folder(),
                 "Start again: the store finds out what is on disk.");
  Batch& batch = *batch_;
  batch.clear(keeper_->head());
  std::vector<std::size_t> refused;
  for (std::size_t i = 0; i < appends.size(); ++i) {
    HILLSTAR_TRY(const bool added, add(batch, appends[i]));
    if (!added) refused.push_back(i);
  }
  if (batch.writes.Count() == 0) return refused;
  failed_ = true;  // Until the contrary is known.
  HILLSTAR_TRY(const auto mark, keeper_->begin_commit());
  rocksdb::Status status;
  if (mark) status = batch.writes.Put(keys::meta(keys::mark(mark->count)), slice(keys::bytes_of(mark->chain)));
  if (status.ok()) status = batch.writes.Put(keys::meta(keys::kHead), slice(keys::head(batch.head)));
  if (!status.ok()) return write_error(status, database_->folder());
  // This thread's counters would be bumped at every comparison of keys, and nobody reads them.
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable);
  HILLSTAR_CHECK(database_->write(batch.writes, Sync::yes));
  failed_ = false;
  keeper_->end_commit(batch.head);
  for (const auto& [run, tip] : batch.tips) {
    if (tip.ended)
      versions_->forget(run);
    else
      versions_->put(run, tip);
  }
  if (watch_)
    for (const auto& append : appends)
      for (const auto& record : append.records) watch_(record.line);
  return refused;
}

Result<std::vector<Recorded>> RocksStore::read(const RunId& run) const {
  std::vector<Recorded> history;
  HILLSTAR_CHECK(walk_run(*database_, run, [&](const keys::EventValue& row) -> Result<void> {
    HILLSTAR_TRY(auto recorded, decode_at(row.line, run, history.size() + 1));
    history.push_back(std::move(recorded));
    return {};
  }));
  return history;
}

Result<std::vector<Record>> RocksStore::read_records(const RunId& run, std::uint64_t from, std::size_t limit) const {
  return read_page(*database_, run, from, limit);
}

Result<void> RocksStore::list(const std::function<bool(const run::Summary&)>& visit) const {
  return list_rows(*database_, visit);
}

void RocksStore::forget(const RunId& run) { versions_->forget(run); }

Result<RunPage> RocksStore::query(const RunQuery& asked) const {
  return indexed_ ? search_runs(*database_, asked) : EventStore::query(asked);
}

Result<std::vector<RunId>> RocksStore::histories(char letter) const { return list_histories(*database_, letter); }

Result<run::Summary> RocksStore::summary(const RunId& run) const {
  return read_summary(*database_, rocksdb::ReadOptions(), run);
}

Result<std::string> RocksStore::put_blob(std::string_view bytes) { return blobs_->put(bytes); }
Result<std::string> RocksStore::read_blob(const std::string& sha256) const { return blobs_->read(sha256); }
Result<void> RocksStore::copy_blob(const std::string& sha256,
                                   const std::function<Result<void>(std::string_view)>& take) const {
  return blobs_->copy(sha256, take);
}
Result<void> RocksStore::pass_blob(const std::string& sha256,
                                   const std::function<Result<void>(std::string_view)>& take) const {
  return blobs_->pass(sha256, take);
}
bool RocksStore::has_blob(const std::string& sha256) const { return blobs_->has(sha256); }
std::unique_ptr<BlobSink> RocksStore::blob_sink() { return blobs_->sink(); }

LogHead RocksStore::head() const { return keeper_ ? keeper_->head() : opened_at_; }

}  // namespace hillstar::persistence
