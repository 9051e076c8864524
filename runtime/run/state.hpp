// SPDX-License-Identifier: Apache-2.0
// The state of one run: what its history folds to. Data only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "messages/events.hpp"
#include "messages/inputs.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::run {

enum class RunStatus : std::uint8_t { created, running, paused, cancelling, failing, completed, failed, cancelled };

/// `waiting`: predecessors are open. `ready`: may be scheduled. `held`: an approval is asked.
/// `retrying`: a timer runs. `lost`: a person must settle it.
enum class NodeStatus : std::uint8_t {
  waiting, ready, held, running, expanding, mapping, retrying, lost, completed, failed, skipped
};

/// A plain node, a map as a whole, or one item of a map.
struct UnitState {
  NodeStatus status = NodeStatus::waiting;
  std::uint32_t attempt = 0;             ///< The last attempt that was scheduled; 0: none yet.
  std::uint32_t counted = 0;             ///< Attempts that used up the retry policy (not lost, not cancelled).
  std::uint32_t lost = 0;
  UtcTime retry_at;
  Value result;
  std::optional<Failure> failure;
};

struct MapState {
  Value items;
  std::vector<UnitState> units;
  std::set<std::uint32_t> ready;         ///< Items that may be scheduled, lowest first.
  std::uint32_t running = 0;
  std::uint32_t open = 0;                ///< Items without an end.
  std::uint32_t succeeded = 0;
};

struct NodeState : UnitState {
  std::uint32_t open_predecessors = 0;
  bool approved = false;
  std::vector<bool> tests;
  std::unique_ptr<MapState> map;
};

struct LoopState {
  std::uint32_t open_judges = 0;
  bool exhausted = false;
};

struct RunState {
  std::shared_ptr<const workflow::Plan> plan;   ///< Shared: every run of one workflow uses the same plan.
  std::shared_ptr<const std::unordered_map<std::string, NodeIndex>> index;  ///< Node id -> index, shared with it.
  RunStatus status = RunStatus::created;
  std::uint64_t version = 0;             ///< Number of events applied.
  RunStarted started;
  UtcTime started_at;
  UtcTime updated_at;
  std::vector<NodeState> nodes;
  std::vector<LoopState> loops;
  std::set<NodeIndex> ready;             ///< Plain nodes and maps that may be scheduled, in plan order.
  std::set<NodeIndex> ready_maps;        ///< Maps with items that may be scheduled.
  std::vector<NodeIndex> to_skip;        ///< Dependents of failed nodes (skip_dependents), not yet skipped.
  std::map<std::string, std::uint32_t> lanes;   ///< Lane -> attempts in flight (0 or 1).
  std::uint32_t running = 0;             ///< Attempts in flight, items included.
  std::uint32_t open_nodes = 0;          ///< Nodes without an end.
  std::uint32_t failed_nodes = 0;
  std::optional<NodeIndex> first_failed;
  std::optional<Failure> failure;        ///< Why the run fails.
  std::string pause_reason;
  std::string cancel_reason;
  std::optional<NodeIndex> lost_node;
  Usage usage;                           ///< Summed over all attempts.
};

}  // namespace hillstar::run
