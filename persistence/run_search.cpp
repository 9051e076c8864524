// SPDX-License-Identifier: Apache-2.0
#include "persistence/run_search.hpp"

#include <rocksdb/snapshot.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "persistence/files.hpp"
#include "persistence/run_index.hpp"
#include "persistence/run_rows.hpp"

namespace hillstar::persistence {
namespace {

/// Steps that are tried before a look from above: what is wanted is often near, and a look costs as much as so many.
constexpr int kStepsBeforeSeek = 16;

bool before(const IndexId& a, const IndexId& b) { return std::memcmp(a.data(), b.data(), a.size()) < 0; }

/// Run ids in the order of pages.
class IdSet {
 public:
  virtual ~IdSet() = default;
  /// The first id at `target` or behind it; targets of later calls do not lie before. Nothing: there is none.
  virtual std::optional<IndexId> seek(const IndexId& target) = 0;
  [[nodiscard]] virtual rocksdb::Status status() const = 0;
};

/// Those that one index names.
class IndexSet final : public IdSet {
 public:
  IndexSet(const Database& database, const IndexPrefix& prefix, const rocksdb::ReadOptions& options)
      : prefix_(prefix), rows_(database, range_of(prefix), options) {}

  std::optional<IndexId> seek(const IndexId& target) override {
    if (fresh_) return look(target);
    for (int i = 0; i < kStepsBeforeSeek && is_before(target); ++i) rows_->Next();
    return is_before(target) ? look(target) : at();
  }
  [[nodiscard]] rocksdb::Status status() const override { return rows_->status(); }

 private:
  static keys::Range range_of(const IndexPrefix& prefix) {
    keys::Range range{{prefix.data(), prefix.size()}, {prefix.data(), prefix.size()}};
    range.end += std::string(kRunIdBytes + 1, '\xff');
    return range;
  }
  std::optional<IndexId> look(const IndexId& target) {
    fresh_ = false;
    IndexKey key{};
    std::memcpy(key.data(), prefix_.data(), prefix_.size());
    std::memcpy(key.data() + prefix_.size(), target.data(), target.size());
    rows_->Seek(slice(key));
    return at();
  }
  /// The row that it stands at, without a copy.
  [[nodiscard]] bool is_before(const IndexId& target) const {
    if (!rows_->Valid() || rows_.key().size() != sizeof(IndexKey)) return false;
    return std::memcmp(rows_.key().data() + prefix_.size(), target.data(), target.size()) < 0;
  }
  [[nodiscard]] std::optional<IndexId> at() const {
    if (!rows_->Valid() || rows_.key().size() != sizeof(IndexKey)) return std::nullopt;
    IndexId id{};
    std::memcpy(id.data(), rows_.key().data() + prefix_.size(), id.size());
    return id;
  }

  IndexPrefix prefix_;
  Rows rows_;
  bool fresh_ = true;
};

/// Those that are in one of several.
class AnySet final : public IdSet {
 public:
  explicit AnySet(std::vector<std::unique_ptr<IdSet>> sets) : sets_(std::move(sets)) {}

  std::optional<IndexId> seek(const IndexId& target) override {
    std::optional<IndexId> first;
    for (const auto& set : sets_) {
      const auto id = set->seek(target);
      if (id && (!first || before(*id, *first))) first = id;
    }
    return first;
  }
  [[nodiscard]] rocksdb::Status status() const override {
    for (const auto& set : sets_)
      if (!set->status().ok()) return set->status();
    return rocksdb::Status::OK();
  }

 private:
  std::vector<std::unique_ptr<IdSet>> sets_;
};

/// All ids, of runs or not, that tell a time between two, and those of the runs whose ids tell nothing. It names none
/// by itself, so another set must.
class TimeSet final : public IdSet {
 public:
  TimeSet(const RunQuery& asked, std::unique_ptr<IdSet> odd) : odd_(std::move(odd)) {
    const auto edge = [](UtcTime time) {
      const auto id = first_id_of(time);
      return index_id({id.data(), id.size()});
    };
    newest_.fill('\0');
    oldest_.fill('\xff');
    if (asked.until) newest_ = edge({asked.until->micros + kIdTimeSlackMicros + 1'000});
    if (asked.since) oldest_ = edge({asked.since->micros - kIdTimeSlackMicros - 1'000});
  }

  std::optional<IndexId> seek(const IndexId& target) override {
    std::optional<IndexId> first = before(target, newest_) ? newest_ : target;
    if (before(oldest_, *first)) first.reset();
    const auto odd = odd_->seek(target);
    if (odd && (!first || before(*odd, *first))) first = odd;
    return first;
  }
  [[nodiscard]] rocksdb::Status status() const override { return odd_->status(); }

 private:
  std::unique_ptr<IdSet> odd_;
  IndexId newest_{};
  IndexId oldest_{};
};

/// All runs.
class RunSet final : public IdSet {
 public:
  RunSet(const Database& database, const rocksdb::ReadOptions& options) : rows_(database, keys::runs(), options) {}

  std::optional<IndexId> seek(const IndexId& target) override {
    for (int i = 0; !fresh_ && i < kStepsBeforeSeek; ++i) {
      const auto id = at();
      if (!id || !before(*id, target)) return id;
      rows_->Prev();
    }
    fresh_ = false;
    rows_->SeekForPrev(slice(keys::run(run_of(target))));
    return at();
  }
  [[nodiscard]] rocksdb::Status status() const override { return rows_->status(); }

 private:
  [[nodiscard]] std::optional<IndexId> at() const {
    if (!rows_->Valid()) return std::nullopt;
    return index_id(rows_.key().substr(1));
  }

  Rows rows_;
  bool fresh_ = true;
};

class Search {
 public:
  Search(const Database& database, const RunQuery& asked)
      : database_(database), asked_(asked), snapshot_(&database.db()) {
    options_.snapshot = snapshot_.snapshot();
    const auto index = [this](IndexKind kind, std::string_view what, std::optional<std::string_view> value = {}) {
      return std::make_unique<IndexSet>(database_, index_prefix(kind, what, value), options_);
    };
    // What few runs have comes first: it says where the others look.
    if (asked.key && asked.stream) sets_.push_back(index(IndexKind::key, *asked.stream, *asked.key));
    if (asked.above) sets_.push_back(index(IndexKind::above, asked.above->str()));
    if (asked.correlation) sets_.push_back(index(IndexKind::correlation, *asked.correlation));
    if (asked.label) sets_.push_back(index(IndexKind::label, asked.label->first, asked.label->second));
    if (asked.stream && !asked.key) sets_.push_back(index(IndexKind::stream, *asked.stream));
    if (asked.workflow) sets_.push_back(index(IndexKind::workflow, asked.workflow->str()));
    if (!asked.statuses.empty()) {
      std::vector<std::unique_ptr<IdSet>> any;
      for (const auto& status : asked.statuses) any.push_back(index(IndexKind::status, status));
      sets_.push_back(std::make_unique<AnySet>(std::move(any)));
    }
    if (sets_.empty()) sets_.push_back(std::make_unique<RunSet>(database, options_));
    if (asked.since || asked.until) sets_.push_back(std::make_unique<TimeSet>(asked, index(IndexKind::odd, {})));
  }

  Result<RunPage> run() {
    const auto limit = std::clamp<std::size_t>(asked_.limit, 1, kPageRowsMax);
    IndexId target{};  // before all
    if (asked_.before) target = index_id(asked_.before->str());
    RunPage page;
    for (auto id = next(target); id; id = next(target)) {
      target = *id;
      if (!step(target)) break;
      const auto run = run_of(*id);
      if (asked_.before && run >= *asked_.before) continue;
      auto row = read_summary(database_, options_, run);
      if (!row) {
        if (row.error().code != Errc::run_not_found && !page.problem) page.problem = row.error();
        continue;
      }
      if (!matches(asked_, *row)) continue;
      if (page.rows.size() == limit) {
        page.more = true;
        break;
      }
      page.rows.push_back(*std::move(row));
    }
    for (const auto& set : sets_)
      if (!set->status().ok()) return open_error(set->status(), database_.folder());
    return page;
  }

 private:
  /// The first id at `target` or behind it that all sets have.
  std::optional<IndexId> next(IndexId target) {
    std::size_t agreed = 0;
    for (std::size_t i = 0; agreed < sets_.size(); i = (i + 1) % sets_.size()) {
      const auto id = sets_[i]->seek(target);
      if (!id) return std::nullopt;
      agreed = *id == target ? agreed + 1 : 1;
      target = *id;
    }
    return target;
  }

  /// To the id right behind; false if there is none.
  static bool step(IndexId& id) {
    for (std::size_t i = id.size(); i-- > 0;) {
      id[i] = static_cast<char>(static_cast<unsigned char>(id[i]) + 1U);
      if (id[i] != '\0') return true;
    }
    return false;
  }

  const Database& database_;
  const RunQuery& asked_;
  rocksdb::ManagedSnapshot snapshot_;
  rocksdb::ReadOptions options_;
  std::vector<std::unique_ptr<IdSet>> sets_;
};

}  // namespace

Result<RunPage> search_runs(const Database& database, const RunQuery& asked) { return Search(database, asked).run(); }

}  // namespace hillstar::persistence
