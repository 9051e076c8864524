// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/moves.hpp"

#include <utility>

#include "runtime/run/conditions.hpp"
#include "runtime/run/talk.hpp"
#include "runtime/run/units.hpp"

namespace hillstar::run {

UnitState& Moves::unit_of(NodeIndex i, std::optional<std::uint32_t> item) {
  auto* unit = find_unit(state_, i, item);
  HILLSTAR_ASSERT(unit != nullptr);
  return *unit;
}

void Moves::add(const std::optional<Usage>& usage) {
  if (!usage) return;
  state_.usage.input_tokens += usage->input_tokens;
  state_.usage.output_tokens += usage->output_tokens;
  state_.usage.cost += usage->cost;
}

void Moves::fail_run(const Failure& failure, std::optional<NodeIndex> node) {
  if (state_.failure) return;
  state_.failure = failure;
  state_.first_failed = node;
  if (state_.status == RunStatus::running) state_.status = RunStatus::failing;
}

void Moves::enter_flight(NodeIndex i, const std::optional<std::uint32_t>& item) {
  auto& unit = unit_of(i, item);
  ++state_.running;
  unit.status = plan_.nodes[i].map && !item ? NodeStatus::expanding : NodeStatus::running;
  if (waits_for_run(plan_, i, unit)) ++state_.children;
}

void Moves::leave_flight(NodeIndex i, const std::optional<std::uint32_t>& item) {
  --state_.running;
  if (waits_for_run(plan_, i, unit_of(i, item))) --state_.children;
  if (item)
    --state_.nodes[i].map->running;
  else
    startable_.release_lane(i);
}

void Moves::leave_map(NodeIndex i) {
  state_.maps_ended.erase(i);
  state_.ready.erase(i);
  startable_.release_lane(i);
  // Items that were never begun: too many others failed.
  if (plan_.nodes[i].schedule_to_close)
    for (std::uint32_t item = 0; item < state_.nodes[i].map->units.size(); ++item) stop_clock({i, item});
}

void Moves::wait_until(const UnitRef& ref, UtcTime due) {
  auto& unit = unit_of(ref.node, ref.item);
  unit.status = NodeStatus::retrying;
  unit.retry_at = due;
  ++state_.retrying;
  state_.retries.insert({due, ref});
  if (ref.item) ++state_.nodes[ref.node].map->retrying;
}

void Moves::leave_wait(const UnitRef& ref) {
  --state_.retrying;
  state_.retries.erase({unit_of(ref.node, ref.item).retry_at, ref});
  if (ref.item) --state_.nodes[ref.node].map->retrying;
}

void Moves::leave_talk(const UnitRef& ref) {
  auto& talk = state_.talk;
  const auto& node = plan_.nodes[ref.node];
  if (unit_of(ref.node, ref.item).status == NodeStatus::asking) {
    talk.asked.erase(request_of(node, ref.item));
  } else if (const auto found = talk.listeners.find(signal_of(node)); found != talk.listeners.end()) {
    std::erase(found->second, ref);
    if (found->second.empty()) talk.listeners.erase(found);
  }
  talk.told.erase(ref);
  --state_.talking;
  if (ref.item) --state_.nodes[ref.node].map->retrying;
}

void Moves::leave_place(const UnitRef& ref) {
  auto& unit = unit_of(ref.node, ref.item);
  auto* map = ref.item ? state_.nodes[ref.node].map.get() : nullptr;
  if (unit.status == NodeStatus::retrying) return leave_wait(ref);
  if (is_told_of(unit.status)) return leave_talk(ref);
  if (unit.status == NodeStatus::lost) {
    state_.lost.erase(ref);
    if (map != nullptr) --map->retrying;
  } else if (unit.status == NodeStatus::held) {
    state_.nodes[ref.node].approval.reset();
    --state_.held;
  } else if (map == nullptr) {
    startable_.unplace(ref.node);
  } else if (state_.talk.to_wait.erase(ref) > 0) {
    --map->retrying;
  } else if (map->again.erase(*ref.item) == 0) {
    // Never scheduled: the items of a map have one deadline, and pass it in order.
    HILLSTAR_ASSERT(*ref.item == map->next);
    ++map->next;
  }
}

void Moves::again(NodeIndex i, const std::optional<std::uint32_t>& item) {
  auto& unit = unit_of(i, item);
  if (unit.overdue) return give_up_late({i, item});
  unit.status = NodeStatus::ready;
  if (item) {
    state_.nodes[i].map->again.insert(*item);
    startable_.offer_items(i);
  } else {
    startable_.place(i);
  }
}

void Moves::give_up(const UnitRef& ref, Failure failure) {
  auto& unit = unit_of(ref.node, ref.item);
  unit.status = NodeStatus::failing;
  unit.failure = std::move(failure);
  state_.failing.insert(ref);
  if (ref.item) startable_.offer_items(ref.node);
}

void Moves::give_up_late(const UnitRef& ref) { give_up(ref, overdue_failure(plan_.nodes[ref.node])); }

void Moves::stop_clock(const UnitRef& ref) {
  auto& unit = unit_of(ref.node, ref.item);
  if (unit.ends_by) state_.deadlines.erase({*std::exchange(unit.ends_by, std::nullopt), ref});
}

void Moves::end(NodeIndex i, NodeStatus status, bool dooms) {
  stop_clock({i, std::nullopt});
  state_.nodes[i].status = status;
  --state_.open_nodes;
  const auto& node = plan_.nodes[i];
  dooms = dooms || (status == NodeStatus::failed && node.on_error == workflow::OnError::skip_dependents);
  for (const auto next : node.successors) {
    auto& successor = state_.nodes[next];
    if (successor.open_predecessors > 0) --successor.open_predecessors;
    if (successor.status != NodeStatus::waiting) continue;
    if (dooms)
      state_.doomed.emplace(next, i);
    else if (successor.open_predecessors == 0 && !state_.doomed.contains(next))
      startable_.place(next);
  }
  if (node.loop) judge_loop(state_, i);
}

}  // namespace hillstar::run
