// SPDX-License-Identifier: Apache-2.0
#include "persistence/collector.hpp"

#include <algorithm>
#include <cctype>
#include <deque>
#include <set>
#include <unordered_set>
#include <utility>

#include "messages/json_codec.hpp"
#include "persistence/blob_store.hpp"
#include "persistence/files.hpp"
#include "persistence/gone_runs.hpp"
#include "persistence/hex_names.hpp"
#include "persistence/keys.hpp"
#include "persistence/rocksdb_store.hpp"
#include "persistence/run_index.hpp"
#include "persistence/run_rows.hpp"

namespace hillstar::persistence {
namespace {

/// What one step does at most: rows of a page, bytes of lines that are read, blobs that are removed.
constexpr std::size_t kPageRows = 100;
/// If the records of each run are measured, too.
constexpr std::size_t kPageRowsMeasured = 10;
constexpr std::size_t kStepBytes = 4U << 20U;
constexpr std::size_t kStepBlobs = 128;
/// Names of blobs that are held at a time, 32 bytes each; with more of them the records are read again.
constexpr std::size_t kNamesMax = 1'000'000;
constexpr unsigned kFirstBytes = 256;

struct HashOfHash {
  std::size_t operator()(const Hash& hash) const {
    return static_cast<std::size_t>(keys::read_be64(keys::bytes_of(hash)));
  }
};
using Names = std::unordered_set<Hash, HashOfHash>;

Result<std::uint64_t> bytes_of_run(const Database& database, const RunId& run) {
  std::uint64_t bytes = 0;
  const Rows rows(database, keys::events_of(run, 1));
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) bytes += rows.value().size();
  if (!rows->status().ok()) return open_error(rows->status(), database.folder());
  return bytes;
}

}  // namespace

class Collector::Work {
 public:
  Work(RocksStore& store, Retention retention, UtcTime now, CollectHow how)
      : store_(store), database_(store.database()), retention_(std::move(retention)), how_(how) {
    removed_.at = now;
    page_.workflow = retention_.workflow;
    page_.stream = retention_.stream;
    page_.limit = retention_.max_bytes ? kPageRowsMeasured : kPageRows;
    open_.statuses = open_statuses();
    open_.limit = kPageRows;
  }
  ~Work() { store_.watch_lines({}); }
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  Result<bool> step() {
    switch (phase_) {
      case Phase::begin:
        return begin();
      case Phase::protect:
        return protect();
      case Phase::choose:
        return choose();
      case Phase::remove:
        return remove();
      case Phase::strip:
        return strip();
      case Phase::names:
        return names();
      case Phase::mark:
        return mark();
      case Phase::sweep:
        return sweep();
      case Phase::done:
        break;
    }
    return false;
  }
  [[nodiscard]] const Removal& removed() const { return removed_; }

 private:
  enum class Phase { begin, protect, choose, remove, strip, names, mark, sweep, done };

  Result<bool> next(Phase phase) {
    phase_ = phase;
    return phase != Phase::done;
  }

  Result<bool> begin() {
    if (!retention_.older_than && !retention_.max_bytes && !retention_.keep_last)
      return Error(Errc::usage, "nothing says which runs go.", {}, "Give --older-than, --keep-last or --max-bytes.");
    if (how_.dry_run) return next(Phase::protect);
    // A removal that was interrupted is finished first.
    HILLSTAR_TRY(const auto open, database_.meta_row(keys::kGcOpen));
    if (!open || open->size() != kRunIdBytes) return next(Phase::protect);
    HILLSTAR_TRY(auto gone, read_gone(database_, rocksdb::ReadOptions(), RunId(*open)));
    if (!gone) return next(Phase::protect);
    stripping_ = *std::move(gone);
    strip_from_ = 1;
    after_strip_ = Phase::protect;
    return next(Phase::strip);
  }

  /// Of each run without an end: those that it inherits from, and those that they did.
  Result<bool> protect() {
    HILLSTAR_TRY(const auto page, store_.query(open_));
    for (const auto& row : page.rows) {
      auto parent = row.parent;
      while (parent && protected_.insert(parent->run).second) {
        const auto above = store_.summary(parent->run);
        parent = above ? above->parent : std::nullopt;
      }
    }
    if (!page.more || page.rows.empty()) return next(Phase::choose);
    open_.before = page.rows.back().run;
    return true;
  }

  Result<bool> choose() {
    HILLSTAR_TRY(const auto page, store_.query(page_));
    for (const auto& row : page.rows) {
      HILLSTAR_TRY(const bool goes, may_go(row));
      const bool is_young = retention_.none_since && row.started_at >= *retention_.none_since;
      const bool is_needed = is_young || protected_.contains(row.run) || is_part_of_open(row);
      if (goes && run::is_terminal(row) && !is_needed) chosen_.push_back(row);
    }
    last_page_ = !page.more || page.rows.empty();
    if (!page.rows.empty()) page_.before = page.rows.back().run;
    return next(Phase::remove);
  }

  /// The run that it is a part of, or one that that one is a part of, goes on.
  [[nodiscard]] bool is_part_of_open(const run::Summary& row) const {
    auto above = row.above;
    while (above) {
      const auto found = store_.summary(above->run);
      if (!found) return false;
      if (!run::is_terminal(*found)) return true;
      above = found->above;
    }
    return false;
  }

  /// As the policy of a stream says it.
  Result<bool> is_kept_by_none(const run::Summary& row) {
    if (!run::is_terminal(row)) return false;
    ++seen_;
    if (retention_.max_bytes) {
      HILLSTAR_TRY(const auto bytes, bytes_of_run(database_, row.run));
      seen_bytes_ += bytes;
    }
    return !(retention_.keep_last && seen_ <= *retention_.keep_last) &&
           !(retention_.older_than && row.updated_at + *retention_.older_than >= removed_.at) &&
           !(retention_.max_bytes && seen_bytes_ <= *retention_.max_bytes);
  }

  Result<bool> may_go(const run::Summary& row) {
    if (retention_.any_keeps) return is_kept_by_none(row);
    ++seen_;
    if (retention_.max_bytes) {
      HILLSTAR_TRY(const auto bytes, bytes_of_run(database_, row.run));
      seen_bytes_ += bytes;
    }
    if (retention_.keep_last && seen_ <= *retention_.keep_last) return false;
    if (!retention_.older_than && !retention_.max_bytes) return true;
    return (retention_.older_than && row.updated_at + *retention_.older_than < removed_.at) ||
           (retention_.max_bytes && seen_bytes_ > *retention_.max_bytes);
  }

  Result<bool> go_on() {
    if (!last_page_) return next(Phase::choose);
    const bool sweeps = how_.sweep == Sweep::always || (how_.sweep == Sweep::after_removal && removed_.runs > 0);
    if (sweeps && !how_.dry_run) return next(Phase::names);
    if (!how_.dry_run) HILLSTAR_CHECK(keep_note());
    return next(Phase::done);
  }

  /// The run goes from all lists, in one write.
  Result<bool> remove() {
    if (chosen_.empty()) return go_on();
    const auto row = chosen_.front();
    chosen_.pop_front();
    ++removed_.runs;
    removed_.records += row.version;
    if (how_.dry_run) {
      HILLSTAR_TRY(const auto bytes, bytes_of_run(database_, row.run));
      removed_.record_bytes += bytes - std::min<std::uint64_t>(bytes, row.version * keys::kEventHeaderBytes);
      return true;
    }
    // It may have gone on since it was chosen.
    const auto now = store_.summary(row.run);
    if (!now || *now != row) {
      --removed_.runs;
      removed_.records -= row.version;
      return true;
    }
    HILLSTAR_TRY(const auto last, hash_of_record(database_, rocksdb::ReadOptions(), row.run, row.version));
    stripping_ = {row.run,        row.workflow,   row.status,  row.version, to_hex(last),
                  row.started_at, row.updated_at, removed_.at, false};
    rocksdb::WriteBatch batch;
    auto status = batch.Put(slice(keys::gone(row.run)), json::to_text(stripping_));
    if (status.ok()) status = batch.Put(keys::meta(keys::kGcOpen), row.run.str());
    if (status.ok()) status = batch.Delete(slice(keys::run(row.run)));
    each_index_key(row, [&](const IndexKey& key) {
      if (status.ok()) status = batch.Delete(slice(key));
    });
    if (!status.ok()) return write_error(status, database_.folder());
    HILLSTAR_CHECK(database_.write(batch, Sync::yes));
    store_.forget(row.run);
    strip_from_ = 1;
    after_strip_ = Phase::remove;
    return next(Phase::strip);
  }

  /// Some lines go; position and hash stay.
  Result<bool> strip() {
    rocksdb::WriteBatch batch;
    rocksdb::Status status;
    std::size_t read = 0;
    bool more = false;
    {
      const Rows rows(database_, keys::events_of(stripping_.run, strip_from_));
      for (rows->SeekToFirst(); rows->Valid() && status.ok(); rows->Next()) {
        if ((more = read >= kStepBytes)) break;
        const auto value = rows.value();
        read += value.size() + keys::kEventKeyBytes;
        ++strip_from_;
        if (value.size() <= keys::kEventHeaderBytes) continue;
        removed_.record_bytes += value.size() - keys::kEventHeaderBytes;
        status = batch.Put(rows->key(), slice(value.substr(0, keys::kEventHeaderBytes)));
      }
      if (!rows->status().ok()) return open_error(rows->status(), database_.folder());
    }
    if (!more) {
      stripping_.stripped = true;
      if (status.ok()) status = batch.Put(slice(keys::gone(stripping_.run)), json::to_text(stripping_));
      if (status.ok()) status = batch.Delete(keys::meta(keys::kGcOpen));
    }
    if (!status.ok()) return write_error(status, database_.folder());
    HILLSTAR_CHECK(database_.write(batch, Sync::yes));
    return more ? true : next(after_strip_);
  }

  /// Names of some blobs, all that begin with the same bytes.
  Result<bool> names() {
    if (names_.empty()) store_.watch_lines([this](std::string_view line) { forget_named(line); });
    if (first_byte_ < kFirstBytes && names_.size() < kNamesMax) {
      HILLSTAR_CHECK(store_.blob_files().each_name(static_cast<std::uint8_t>(first_byte_++),
                                                   [this](const Hash& hash) { names_.insert(hash); }));
      return true;
    }
    mark_from_ = keys::table(keys::Table::events).first;
    return next(Phase::mark);
  }

  void forget_named(std::string_view line) {
    each_hex_name(line, [this](const Hash& hash) { names_.erase(hash); });
  }

  /// Every line of the store is read, whatever it is about: what looks like a name keeps the blob.
  Result<bool> mark() {
    rocksdb::ReadOptions options;
    options.fill_cache = false;
    const Rows rows(database_, {mark_from_, keys::table(keys::Table::events).end}, options);
    std::size_t read = 0;
    for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
      if (read >= kStepBytes) {
        mark_from_ = std::string(rows.key());
        return true;
      }
      read += rows.value().size() + keys::kEventKeyBytes;
      if (const auto value = keys::read_event(rows.value())) forget_named(value->line);
    }
    // A record that cannot be read may name any of them.
    if (!rows->status().ok()) return open_error(rows->status(), database_.folder());
    return next(Phase::sweep);
  }

  Result<bool> sweep() {
    for (std::size_t i = 0; i < kStepBlobs && !names_.empty(); ++i) {
      const auto hash = *names_.begin();
      names_.erase(names_.begin());
      HILLSTAR_TRY(const auto bytes, store_.blob_files().remove(hash));
      removed_.blobs += bytes ? 1 : 0;
      removed_.blob_bytes += bytes.value_or(0);
      removed_.blobs_postponed += bytes ? 0 : 1;
    }
    if (!names_.empty()) return true;
    if (first_byte_ < kFirstBytes) return next(Phase::names);
    store_.watch_lines({});
    HILLSTAR_CHECK(keep_note());
    return next(Phase::done);
  }

  Result<void> keep_note() {
    if (removed_.record_bytes == 0 && removed_.blobs == 0) return {};
    std::uint64_t number = 1;
    {
      const Rows rows(database_, keys::removals());
      rows->SeekToLast();
      if (rows->Valid()) number = keys::note_number(rows.key()) + 1;
    }
    return database_.put_meta(keys::removal(number), json::to_text(removed_));
  }

  RocksStore& store_;
  Database& database_;
  const Retention retention_;
  const CollectHow how_;
  Removal removed_;
  Phase phase_ = Phase::begin;
  RunQuery open_;
  std::set<RunId> protected_;
  RunQuery page_;
  bool last_page_ = false;
  std::uint64_t seen_ = 0;
  std::uint64_t seen_bytes_ = 0;
  std::deque<run::Summary> chosen_;
  GoneRun stripping_;
  std::uint64_t strip_from_ = 1;
  Phase after_strip_ = Phase::remove;
  unsigned first_byte_ = 0;  ///< The next names begin with it.
  Names names_;              ///< Nothing that was read so far names them.
  std::string mark_from_;
};

Collector::Collector(RocksStore& store, Retention retention, UtcTime now, CollectHow how)
    : work_(std::make_unique<Work>(store, std::move(retention), now, how)) {}
Collector::~Collector() = default;
Result<bool> Collector::step() { return work_->step(); }
const Removal& Collector::removed() const { return work_->removed(); }

Removal& Removal::operator+=(const Removal& other) {
  at = std::max(at, other.at);
  runs += other.runs;
  records += other.records;
  record_bytes += other.record_bytes;
  blobs += other.blobs;
  blob_bytes += other.blob_bytes;
  blobs_postponed += other.blobs_postponed;
  return *this;
}

Result<std::vector<Removal>> removals(const RocksStore& store) {
  std::vector<Removal> all;
  const Rows rows(store.database(), keys::removals());
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
    HILLSTAR_TRY(const auto parsed, json::parse(rows.value()));
    HILLSTAR_TRY(auto removal, json::read<Removal>(parsed));
    all.push_back(removal);
  }
  if (!rows->status().ok()) return open_error(rows->status(), store.database().folder());
  return all;
}

}  // namespace hillstar::persistence
