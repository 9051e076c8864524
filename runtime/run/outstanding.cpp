// SPDX-License-Identifier: Apache-2.0
// What the world is asked: from one fact on the live path, from the whole state after a recovery.
#include <boost/json.hpp>

#include "runtime/run/run.hpp"
#include "runtime/run/units.hpp"

namespace hillstar::run {
namespace {

ExecuteNode execute(const RunState& state, const AttemptRef& ref) {
  const auto& node = state.plan->nodes[ref.node];
  const auto& now = state.nodes[ref.node];
  ExecuteNode command;
  command.ref = ref;
  command.lists_items = now.status == NodeStatus::expanding;
  command.inputs = state.started.inputs;
  for (const auto& source : node.sources)
    command.bindings.push_back({source, result_of(state, index_of_node(state, NodeId(source)))});
  if (ref.item) command.items = now.map->items;
  const auto* unit = find_unit(state, ref.node, ref.item);
  command.failed = unit->counted;
  command.ends_by = unit->ends_by;
  if (unit->call) {
    command.call = unit->call->reserved;
    if (unit->call->rejected) command.rejected = *unit->call->rejected;
  }
  return command;
}

template <class Take>
void each_in_flight(const RunState& state, Take take) {
  for (NodeIndex i = 0; i < state.nodes.size(); ++i) {
    const auto& node = state.nodes[i];
    if (is_in_flight(node)) take(AttemptRef{i, std::nullopt, node.attempt}, node);
    if (!node.map) continue;
    for (std::uint32_t item = 0; item < node.map->next; ++item)
      if (const auto& unit = node.map->units[item]; is_in_flight(unit)) take(AttemptRef{i, item, unit.attempt}, unit);
  }
}

void cancel_in_flight(const RunState& state, Halt why, std::vector<Command>& commands) {
  each_in_flight(state, [&](const AttemptRef& ref, const UnitState&) { commands.emplace_back(CancelNode{ref, why}); });
}

/// Runs that nodes wait for stand still while this one does.
void hold_in_flight(const RunState& state, bool held, std::vector<Command>& commands) {
  if (state.children == 0) return;
  each_in_flight(state, [&](const AttemptRef& ref, const UnitState& unit) {
    if (waits_for_run(*state.plan, ref.node, unit)) commands.emplace_back(HoldNode{ref, held});
  });
}

void owed_to(const RunState& state, const AttemptRef& ref, const UnitState& unit, std::vector<Command>& commands) {
  if (is_in_flight(unit)) {
    commands.emplace_back(execute(state, ref));
    if (unit.overdue) commands.emplace_back(CancelNode{ref});
  } else if (unit.status == NodeStatus::retrying) {
    commands.emplace_back(ArmTimer{ref, unit.retry_at});
  }
}

/// The collected items of a map: {"count","failed","output":[...],"results":[...]}, blobs moved to their places.
Value collect(const MapState& map) {
  Value collected;
  std::string outputs;
  std::string results;
  for (std::size_t item = 0; item < map.units.size(); ++item) {
    const auto& unit = map.units[item];
    if (item > 0) {
      outputs += ',';
      results += ',';
    }
    results += unit.result.json.text();
    const auto value = unit.status == NodeStatus::completed ? unit.result.json.value() : boost::json::value();
    const auto* output = value.is_object() ? value.get_object().if_contains("output") : &value;
    json::append_canonical(outputs, output == nullptr ? boost::json::value() : *output);
    for (auto blob : unit.result.blobs) {
      const auto at = blob.at;
      if (unit.status == NodeStatus::completed && at.starts_with("/output")) {
        blob.at = "/output/" + std::to_string(item) + at.substr(7);
        collected.blobs.push_back(blob);
      }
      blob.at = "/results/" + std::to_string(item) + at;
      collected.blobs.push_back(std::move(blob));
    }
  }
  collected.json = Json::from_canonical(R"({"count":)" + std::to_string(map.units.size()) + R"(,"failed":)" +
                                        std::to_string(map.failed) + R"(,"output":[)" + outputs + R"(],"results":[)" +
                                        results + "]}");
  return collected;
}

}  // namespace

Value result_of(const RunState& state, NodeIndex node) {
  // A chain of skipped attempts ends at the one that ran; each stands for an earlier one, so this ends.
  while (state.nodes[node].status == NodeStatus::skipped && state.plan->nodes[node].stands_for)
    node = *state.plan->nodes[node].stands_for;
  const auto& found = state.nodes[node];
  if (!found.map || !has_ended(found.status) || !found.result.json.is_null()) return found.result;
  // Every item of a later map may ask.
  if (!found.map->collected) found.map->collected = std::make_shared<const Value>(collect(*found.map));
  return *found.map->collected;
}

void each_elsewhere(const RunState& state, const std::function<void(const AttemptRef&)>& take) {
  if (state.running == 0) return;
  each_in_flight(state, [&](const AttemptRef& ref, const UnitState& unit) {
    if (is_elsewhere(*state.plan, ref.node, unit)) take(ref);
  });
}

std::vector<Command> commands_of(const RunState& state, const Event& event) {
  std::vector<Command> commands;
  if (const auto* scheduled = std::get_if<NodeScheduled>(&event)) {
    commands.emplace_back(execute(state, {index_of_node(state, scheduled->node), scheduled->item, scheduled->attempt}));
  } else if (const auto* failed = std::get_if<NodeAttemptFailed>(&event)) {
    if (failed->retry_at)
      commands.emplace_back(
          ArmTimer{{index_of_node(state, failed->node), failed->item, failed->attempt}, *failed->retry_at});
  } else if (const auto* asked = std::get_if<ApprovalRequested>(&event)) {
    commands.emplace_back(AskApproval{index_of_node(state, asked->node), asked->prompt});
  } else if (const auto* paused = std::get_if<RunPaused>(&event)) {
    if (paused->interrupted)
      cancel_in_flight(state, Halt::pause, commands);
    else
      hold_in_flight(state, true, commands);
  } else if (std::holds_alternative<RunResumed>(event)) {
    hold_in_flight(state, false, commands);
  } else if (const auto* late = std::get_if<NodeDeadlinePassed>(&event)) {
    const auto i = index_of_node(state, late->node);
    if (const auto* unit = find_unit(state, i, late->item); is_in_flight(*unit))
      commands.emplace_back(CancelNode{{i, late->item, unit->attempt}});
  } else if (std::holds_alternative<CancelRequested>(event) || std::holds_alternative<RunDeadlinePassed>(event)) {
    cancel_in_flight(state, Halt::cancel, commands);
  } else if (std::holds_alternative<RunCompleted>(event) || std::holds_alternative<RunFailed>(event) ||
             std::holds_alternative<RunCancelled>(event) || std::holds_alternative<RunTimedOut>(event)) {
    commands.emplace_back(Finish{});
  }
  return commands;
}

std::vector<Command> outstanding(const RunState& state) {
  std::vector<Command> commands;
  if (is_terminal(state)) {
    commands.emplace_back(Finish{});
    return commands;
  }
  for (NodeIndex i = 0; i < state.nodes.size(); ++i) {
    const auto& node = state.nodes[i];
    owed_to(state, {i, std::nullopt, node.attempt}, node, commands);
    if (node.status == NodeStatus::held) commands.emplace_back(AskApproval{i, node.approval->asked.prompt});
    if (!node.map || has_ended(node.status)) continue;
    for (std::uint32_t item = 0; item < node.map->next; ++item)
      owed_to(state, {i, item, node.map->units[item].attempt}, node.map->units[item], commands);
  }
  if (is_stopping(state))
    cancel_in_flight(state, Halt::cancel, commands);
  else if (state.interrupted)
    cancel_in_flight(state, Halt::pause, commands);
  else if (state.status == RunStatus::paused)
    hold_in_flight(state, true, commands);
  if (const auto due = next_deadline(state)) commands.emplace_back(ArmDeadline{*due});
  return commands;
}

std::optional<UtcTime> next_deadline(const RunState& state) {
  if (is_terminal(state) || is_stopping(state)) return std::nullopt;
  auto next = state.started.deadline;
  if (!state.deadlines.empty() && (!next || state.deadlines.begin()->first < *next))
    next = state.deadlines.begin()->first;
  return next;
}

}  // namespace hillstar::run
