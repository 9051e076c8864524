// SPDX-License-Identifier: Apache-2.0
// What may start: keeps the sets of RunState that advance looks at. For evolve.cpp.
#pragma once

#include "runtime/run/state.hpp"

namespace hillstar::run {

/// Index maintenance, no decisions: every set follows from the nodes' states and the plan.
class Startable {
 public:
  /// `state` must outlive it.
  explicit Startable(RunState& state) : state_(state), plan_(*state.plan) {}

  /// All predecessors of the node have ended: puts it where advance finds it.
  void place(NodeIndex i);
  /// The node is not to start, or has started otherwise.
  void unplace(NodeIndex i);
  /// The node in the lane has ended its attempt.
  void release_lane(NodeIndex i);
  /// Puts the map among the ready nodes if an item of it may start, and among the ended ones if nothing is left.
  void offer_items(NodeIndex i);

 private:
  /// The lane's lowest waiting node becomes its head, if the lane is free and has none.
  void promote(LaneState& lane);
  [[nodiscard]] bool has_failing_item(NodeIndex i) const;

  RunState& state_;
  const workflow::Plan& plan_;
};

}  // namespace hillstar::run
