// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/hillstar_history.hpp"

#include <utility>

#include "runtime/run/run.hpp"
#include "runtime/run/units.hpp"

namespace hillstar::run {

HillstarHistory::HillstarHistory(RunId run_id, std::shared_ptr<const workflow::Plan> plan)
    : run(std::move(run_id)), state(initial(std::move(plan))) {}

NodeIndex HillstarHistory::index_of(const NodeId& node) const { return index_of_node(state, node); }

void HillstarHistory::take_attempt_end(const NodeId& node, std::optional<std::uint32_t> item) {
  const auto found = attempts_.find({index_of(node), item});
  if (found == attempts_.end()) return;
  took = at.micros - found->second.micros;
  attempts_.erase(found);
}

void HillstarHistory::take_node_end(NodeIndex node) {
  const auto found = nodes_.find(node);
  const auto micros = found == nodes_.end() ? 0 : at.micros - found->second.micros;
  node_times[node] = micros;
  if (found != nodes_.end()) nodes_.erase(found);
}

void HillstarHistory::take(const Recorded& recorded, std::string chain_hash) {
  seq = recorded.seq;
  at = recorded.at;
  chain = std::move(chain_hash);
  took.reset();
  evolve(state, recorded.event, recorded.at);
  if (const auto* scheduled = std::get_if<NodeScheduled>(&recorded.event)) {
    const auto node = index_of(scheduled->node);
    attempts_[{node, scheduled->item}] = at;
    nodes_.try_emplace(node, at);
  } else if (const auto* completed_node = std::get_if<NodeCompleted>(&recorded.event)) {
    take_attempt_end(completed_node->node, completed_node->item);
    if (completed_node->item) return;
    const auto node = index_of(completed_node->node);
    take_node_end(node);
    took = node_times[node];
    ended.push_back(node);
    ++completed;
  } else if (const auto* failed_attempt = std::get_if<NodeAttemptFailed>(&recorded.event)) {
    take_attempt_end(failed_attempt->node, failed_attempt->item);
  } else if (const auto* lost = std::get_if<NodeAttemptLost>(&recorded.event)) {
    take_attempt_end(lost->node, lost->item);
  } else if (const auto* cancelled = std::get_if<NodeCancelled>(&recorded.event)) {
    take_attempt_end(cancelled->node, cancelled->item);
  } else if (const auto* expanded = std::get_if<MapExpanded>(&recorded.event)) {
    take_attempt_end(expanded->node, std::nullopt);
  } else if (const auto* failed = std::get_if<NodeFailed>(&recorded.event); failed != nullptr && !failed->item) {
    const auto node = index_of(failed->node);
    take_node_end(node);
    took = node_times[node];
  } else if (const auto* skipped_node = std::get_if<NodeSkipped>(&recorded.event)) {
    const auto node = index_of(skipped_node->node);
    node_times[node] = 0;
    took = 0;
    ended.push_back(node);
    ++skipped;
  } else if (const auto* taken = std::get_if<NodeInherited>(&recorded.event)) {
    ended.push_back(index_of(taken->node));
    ++inherited;
    if (!taken->origin || taken->edited) ++given;
  }
}

}  // namespace hillstar::run
