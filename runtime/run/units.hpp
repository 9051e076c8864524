// SPDX-License-Identifier: Apache-2.0
// Finding the unit an event or an input is about. For the other files of this folder.
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "messages/error.hpp"
#include "runtime/run/state.hpp"
#include "runtime/run/talk.hpp"

namespace hillstar::run {

/// The unit, or nullptr if the plan or the map has none like it.
inline const UnitState* find_unit(const RunState& state, NodeIndex node, std::optional<std::uint32_t> item) {
  if (node >= state.nodes.size()) return nullptr;
  const auto& found = state.nodes[node];
  if (!item) return &found;
  return found.map && *item < found.map->units.size() ? &found.map->units[*item] : nullptr;
}
inline UnitState* find_unit(RunState& state, NodeIndex node, std::optional<std::uint32_t> item) {
  return const_cast<UnitState*>(find_unit(static_cast<const RunState&>(state), node, item));
}

inline NodeIndex index_of_node(const RunState& state, const NodeId& id) {
  const auto found = state.index->find(id.str());
  HILLSTAR_ASSERT(found != state.index->end());
  return found->second;
}

/// An attempt of it is in flight.
inline bool is_in_flight(const UnitState& unit) {
  return unit.status == NodeStatus::running || unit.status == NodeStatus::expanding;
}
/// The same, and the attempt is a run of its own: whoever asks for it again gets the same one.
inline bool waits_for_run(const workflow::Plan& plan, NodeIndex node, const UnitState& unit) {
  return unit.status == NodeStatus::running && runs_workflow(plan.nodes[node]);
}
/// The same, and the attempt is made by another machine: it may outlive this process.
inline bool is_elsewhere(const workflow::Plan& plan, NodeIndex node, const UnitState& unit) {
  return unit.status == NodeStatus::running && plan.nodes[node].placement.has_value();
}
/// It has asked a person, or listens for a signal.
inline bool is_told_of(NodeStatus status) { return status == NodeStatus::asking || status == NodeStatus::listening; }
inline bool has_ended(NodeStatus status) {
  return status == NodeStatus::completed || status == NodeStatus::failed || status == NodeStatus::skipped;
}

/// Items that must succeed for the map to succeed.
inline std::uint32_t required_successes(const workflow::PlanNode& node, const MapState& map) {
  const auto count = static_cast<std::uint32_t>(map.units.size());
  return node.map->min_success ? std::min(*node.map->min_success, count) : count;
}
/// So many items failed that the map cannot succeed any more.
inline bool is_hopeless(const workflow::PlanNode& node, const MapState& map) {
  return map.units.size() - map.failed < required_successes(node, map);
}
/// An item of the map may be scheduled now, as far as the map is concerned.
inline bool has_startable_item(const workflow::PlanNode& node, const MapState& map) {
  const auto parallel = node.lane.empty() ? node.map->parallel : 1;
  return (parallel == 0 || map.running < parallel) && !is_hopeless(node, map) &&
         (!map.again.empty() || map.next < map.units.size());
}

/// Why the node must not run at all; nothing if it may, or people may let it.
std::optional<std::string> refusal(const RunState& state, NodeIndex node);
/// May the node's data go to this place of its routes? (A node that calls no model is its own place, 0.)
bool may_go(const RunState& state, NodeIndex node, std::size_t candidate);
/// True if people must approve the node before it runs, and have not.
bool asks_first(const RunState& state, NodeIndex node);
/// What they are asked.
ApprovalRequested approval_request(const RunState& state, NodeIndex node);
/// What references to a failed node see, if it left nothing itself.
Json error_result(const Failure& failure);

}  // namespace hillstar::run
