// SPDX-License-Identifier: Apache-2.0
// What changes in the state when a unit moves on, whatever the fact. For evolve.cpp and talk.cpp.
#pragma once

#include <optional>

#include "messages/events.hpp"
#include "runtime/run/startable.hpp"
#include "runtime/run/state.hpp"

namespace hillstar::run {

class Moves {
 public:
  /// `at` is the time of the fact. `state` must outlive it.
  Moves(RunState& state, UtcTime at) : state_(state), plan_(*state.plan), startable_(state, at), at_(at) {}

  UnitState& unit_of(NodeIndex i, std::optional<std::uint32_t> item);
  void add(const std::optional<Usage>& usage);
  /// The attempt has ended: what was reserved for it is spent, or free again.
  template <class Charge>
  void settle(UnitState& unit, Charge charge) {
    if (!unit.call) return;
    const auto& held = unit.call->reserved;
    const MicroUsd spent = charge(held);
    state_.reserved -= held.cost;
    state_.spent += spent;
    unit.call->spent += spent;
  }
  void fail_run(const Failure& failure, std::optional<NodeIndex> node);
  void enter_flight(NodeIndex i, const std::optional<std::uint32_t>& item);
  void leave_flight(NodeIndex i, const std::optional<std::uint32_t>& item);
  void leave_map(NodeIndex i);
  /// The unit waits for a timer, until then; or does so no more.
  void wait_until(const UnitRef& ref, UtcTime due);
  void leave_wait(const UnitRef& ref);
  /// The unit neither asks nor listens any more.
  void leave_talk(const UnitRef& ref);
  /// The unit, no attempt of which is in flight, is taken from wherever it waits.
  void leave_place(const UnitRef& ref);
  /// The unit may be scheduled once more.
  void again(NodeIndex i, const std::optional<std::uint32_t>& item);
  /// NodeFailed follows.
  void give_up(const UnitRef& ref, Failure failure);
  /// As give_up: its whole time is over.
  void give_up_late(const UnitRef& ref);
  /// The node has ended: tells its successors and the loop it judges.
  void end(NodeIndex i, NodeStatus status, bool dooms = false);
  void stop_clock(const UnitRef& ref);

 protected:
  RunState& state_;
  const workflow::Plan& plan_;
  Startable startable_;
  UtcTime at_;
};

}  // namespace hillstar::run
