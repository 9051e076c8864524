// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/startable.hpp"

#include "runtime/run/conditions.hpp"
#include "runtime/run/talk.hpp"
#include "runtime/run/units.hpp"

namespace hillstar::run {

void Startable::place(NodeIndex i) {
  const auto& node = plan_.nodes[i];
  state_.nodes[i].status = NodeStatus::ready;
  start_clock({i, std::nullopt});
  if (refusal(state_, i)) {
    state_.to_refuse.insert(i);
  } else if ((node.skip_if && holds(state_, *node.skip_if)) || (node.when && !holds(state_, *node.when))) {
    state_.to_skip.insert(i);
  } else if (asks_first(state_, i)) {
    state_.to_ask.insert(i);
  } else if (waits_to_be_told(node) && !node.map) {
    state_.talk.to_wait.insert({i, std::nullopt});
  } else if (node.lane.empty()) {
    state_.ready.insert(i);
  } else {
    state_.lanes[node.lane].waiting.insert(i);
    promote(state_.lanes[node.lane]);
  }
}

void Startable::start_clock(const UnitRef& ref) {
  const auto& whole = plan_.nodes[ref.node].schedule_to_close;
  if (!whole) return;
  auto& unit = *find_unit(state_, ref.node, ref.item);
  if (unit.ends_by || unit.overdue) return;
  unit.ends_by = now_ + *whole;
  state_.deadlines.insert({*unit.ends_by, ref});
}

void Startable::unplace(NodeIndex i) {
  state_.talk.to_wait.erase({i, std::nullopt});
  state_.ready.erase(i);
  state_.to_skip.erase(i);
  state_.to_ask.erase(i);
  state_.to_refuse.erase(i);
  if (const auto& name = plan_.nodes[i].lane; !name.empty()) {
    auto& lane = state_.lanes[name];
    lane.waiting.erase(i);
    if (lane.head == i) lane.head.reset();
    promote(lane);
  }
}

void Startable::promote(LaneState& lane) {
  if (lane.busy || lane.head || lane.waiting.empty()) return;
  lane.head = *lane.waiting.begin();
  lane.waiting.erase(lane.waiting.begin());
  state_.ready.insert(*lane.head);
}

void Startable::release_lane(NodeIndex i) {
  const auto& name = plan_.nodes[i].lane;
  if (name.empty()) return;
  state_.lanes[name].busy = false;
  promote(state_.lanes[name]);
}

void Startable::offer_items(NodeIndex i) {
  const auto& map = *state_.nodes[i].map;
  const auto& node = plan_.nodes[i];
  if (has_startable_item(node, map) && !waits_to_be_told(node))
    state_.ready.insert(i);
  else
    state_.ready.erase(i);
  const bool all_ended = map.succeeded + map.failed == map.units.size();
  if (all_ended || (is_hopeless(node, map) && map.running == 0 && map.retrying == 0 && !has_failing_item(i)))
    state_.maps_ended.insert(i);
}

bool Startable::has_failing_item(NodeIndex i) const {
  const auto found = state_.failing.lower_bound({i, std::nullopt});
  return found != state_.failing.end() && found->node == i;
}

}  // namespace hillstar::run
