// SPDX-License-Identifier: Apache-2.0
// What Hillstar's files need to know about a run beyond its state: when things started, in what order they ended.
// For the hillstar_*.cpp files of this folder.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "messages/events.hpp"
#include "messages/ids.hpp"
#include "runtime/run/state.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::run {

class HillstarHistory {
 public:
  HillstarHistory(RunId run_id, std::shared_ptr<const workflow::Plan> plan);

  /// Folds the next event. An event that does not fit the plan is an InvariantError, as with evolve.
  void take(const Recorded& recorded, std::string chain_hash);

  RunId run;
  RunState state;
  std::uint64_t seq = 0;
  UtcTime at;
  std::string chain;                             ///< Hash of the last record, hex.
  std::optional<std::int64_t> took;              ///< Microseconds of what the last event ended: an attempt, a node.
  std::map<NodeIndex, std::int64_t> node_times;  ///< Microseconds from the first attempt's start to the node's end.
  std::vector<NodeIndex> ended;                  ///< In order of their ends: completed, inherited and skipped nodes.
  std::uint32_t completed = 0;                   ///< In this run, without inherited ones.
  std::uint32_t inherited = 0;
  std::uint32_t given = 0;  ///< Inherited ones that no run made as they are: from a file, or changed by hand.
  std::uint32_t skipped = 0;

 private:
  void take_attempt_end(const NodeId& node, std::optional<std::uint32_t> item);
  void take_node_end(NodeIndex node);
  [[nodiscard]] NodeIndex index_of(const NodeId& node) const;

  std::map<UnitRef, UtcTime> attempts_;  ///< In flight: when they started.
  std::map<NodeIndex, UtcTime> nodes_;   ///< Begun and not ended: when the first attempt started.
};

}  // namespace hillstar::run
