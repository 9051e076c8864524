// SPDX-License-Identifier: Apache-2.0
// A history walked once: attempts, retries, answers of people, pauses and use of models, for a report.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "apps/cli/live_run.hpp"
#include "apps/cli/report_document.hpp"
#include "apps/cli/report_texts.hpp"

namespace hillstar::cli::doc {

/// Fills `document`, whose nodes are there already, in plan order. Not thread-safe.
class Walk {
 public:
  Walk(Document& document, Texts& texts, const StoredRun& stored);

  void see(const Recorded& recorded);
  /// What is known only at the end.
  void finish();

 private:
  using Key = std::pair<NodeIndex, std::optional<std::uint32_t>>;

  /// What ended an attempt, as far as events of that kind say it.
  struct End {
    Key key;
    std::uint32_t attempt = 1;
    std::string how;
    std::string message = {};
    std::optional<Usage> usage = {};
    std::optional<Json> detail = {};
    const Value* result = nullptr;
  };

  /// Null if it is not told.
  Unit* unit_at(const Key& key);
  void end(const End& end);
  void count(const End& end, const Attempt& attempt);
  /// Calls without an answer are of the model that answered others, if it is known.
  void add_models();
  void add_texts(const Key& key, Unit& unit);

  void on(const NodeScheduled& event);
  void on(const MapExpanded& event);
  void on(const NodeCompleted& event);
  void on(const NodeAttemptFailed& event);
  void on(const NodeAttemptLost& event);
  void on(const NodeCancelled& event);
  void on(const NodeInherited& event);
  void on(const ApprovalRequested& event);
  void on(const ApprovalAnswered& event);
  void on(const RunPaused& event);
  void on(const RunResumed& event);
  template <class Other>
  void on(const Other&) {}

  [[nodiscard]] Key key_of(const NodeId& node, std::optional<std::uint32_t> item = {}) const {
    return {index_of(node), item};
  }
  [[nodiscard]] NodeIndex index_of(const NodeId& node) const { return live_.state.index->at(node.str()); }
  [[nodiscard]] bool is_told(const Key& key) const;

  Document& document_;
  Texts& texts_;
  const StoredRun& stored_;
  LiveRun live_;
  UtcTime now_;                                                         ///< Of the event that is seen.
  std::map<Key, std::size_t> units_;                                    ///< Place among the units of the node.
  std::map<Key, Reservation> reserved_;                                 ///< Of attempts in flight.
  std::map<Key, std::string> requests_;                                 ///< SHA-256 of the last one that was kept.
  std::map<Key, const Value*> results_;                                 ///< The last one.
  std::map<NodeIndex, std::set<std::uint32_t>> failures_;               ///< Failed items of maps that are told.
  std::map<std::pair<std::string, std::string>, ModelUse> models_;      ///< By provider and model that answered,
  std::map<std::pair<std::string, std::string>, ModelUse> unanswered_;  ///< or that was asked.
};

}  // namespace hillstar::cli::doc
