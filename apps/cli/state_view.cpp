// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/state_view.hpp"

#include <boost/json.hpp>
#include <deque>

#include "persistence/limits.hpp"
#include "persistence/state_histories.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

/// The newest changes, as they come.
class Changes {
 public:
  explicit Changes(const std::string& key) : key_(key) {}

  void take(const Recorded& recorded) {
    const auto* change = std::get_if<StateChanged>(&recorded.event);
    if (change == nullptr) return;
    for (const auto& cell : change->cells) {
      if (!key_.empty() && cell.key != key_) continue;
      bj::object row{{"seq", recorded.seq}, {"at", to_rfc3339(recorded.at)}, {"key", cell.key}};
      if (cell.removed)
        row["removed"] = true;
      else
        row["value"] = cell.value.value();
      row["version"] = cell.version;
      if (change->run) row["run"] = change->run->str();
      if (change->node) row["node"] = change->node->str();
      if (change->item) row["item"] = *change->item;
      if (!change->who.empty()) row["who"] = change->who;
      rows_.push_back(std::move(row));
      if (rows_.size() > kStateChangesMax) rows_.pop_front();
    }
  }

  Json rows() {
    bj::array all;
    for (auto& row : rows_) all.push_back(std::move(row));
    return Json::of(all);
  }

 private:
  std::string key_;
  std::deque<bj::object> rows_;
};

}  // namespace

Json cell_object(const StateCell& cell) {
  return Json::of(bj::object{{"key", cell.key}, {"value", cell.value.value()}, {"version", cell.version}});
}

Json cells_array(const state::Cells& cells, const std::string& prefix) {
  bj::array all;
  for (auto at = cells.all().lower_bound(prefix); at != cells.all().end() && at->first.starts_with(prefix); ++at)
    if (!at->second.removed) all.push_back(cell_object(at->second).value());
  return Json::of(all);
}

Result<Json> state_changes(const persistence::EventStore& store, const std::string& stream, const std::string& key) {
  const auto history = persistence::state_history(stream);
  const auto row = store.summary(history);
  Changes changes(key);
  if (!row && row.error().code == Errc::run_not_found) return changes.rows();
  if (!row) return row.error();
  for (std::uint64_t from = 1; from <= row->version;) {
    HILLSTAR_TRY(const auto page, store.read_records(history, from, persistence::kPageRecords));
    if (page.empty()) break;
    for (const auto& record : page) {
      HILLSTAR_TRY(const auto recorded, persistence::decode(record.line, history));
      changes.take(recorded);
    }
    from += page.size();
  }
  return changes.rows();
}

Json state_changes(const std::vector<Recorded>& history, const std::string& key) {
  Changes changes(key);
  for (const auto& recorded : history) changes.take(recorded);
  return changes.rows();
}

Result<Json> state_scopes(const persistence::EventStore& store) {
  HILLSTAR_TRY(const auto histories, store.states());
  bj::array all;
  for (const auto& history : histories) {
    HILLSTAR_TRY(const auto row, store.summary(history));
    const bool of_store = history == persistence::state_history("");
    bj::object scope{{"scope", of_store ? "store" : "stream"}};
    if (!of_store) scope["stream"] = row.reason;
    scope["history"] = history.str();
    scope["version"] = row.version;
    scope["updated_at"] = to_rfc3339(row.updated_at);
    all.push_back(std::move(scope));
  }
  return Json::of(all);
}

}  // namespace hillstar::cli
