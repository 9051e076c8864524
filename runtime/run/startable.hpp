// SPDX-License-Identifier: Apache-2.0
// What may start: keeps the sets of RunState that advance looks at. For evolve.cpp.
#pragma once

#include "runtime/run/state.hpp"

namespace hillstar::run {

/// Index maintenance, no decisions: every set follows from the nodes' states and the plan.
class Startable {
 public:
  /// `state` must outlive it.
  Startable(RunState& state, UtcTime now) : state_(state), plan_(*state.plan), now_(now) {}

  /// All predecessors of the node have ended: puts it where advance finds it.
  void place(NodeIndex i);
  /// The unit may start from now on: its whole time begins.
  void start_clock(const UnitRef& ref);
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
  UtcTime now_;
};

}  // namespace hillstar::run
