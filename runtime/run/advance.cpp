// SPDX-License-Identifier: Apache-2.0
// State -> facts that follow from it alone. Reads the sets that evolve keeps, so a step costs what it touches.
#include <algorithm>

#include "runtime/policy/budget.hpp"
#include "runtime/run/purse.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/talk.hpp"
#include "runtime/run/units.hpp"

namespace hillstar::run {
namespace {

using Facts = std::vector<Event>;

class Advance {
 public:
  explicit Advance(const RunState& state) : state_(state), plan_(*state.plan), purse_(state) {}

  Facts run() {
    if (is_terminal(state_) || state_.status == RunStatus::queued) return {};
    close_what_ended();
    if (!facts_.empty()) return std::move(facts_);
    finish();
    if (facts_.empty() && state_.status == RunStatus::running) {
      ask_and_refuse();
      if (facts_.empty()) start();
    }
    return std::move(facts_);
  }

 private:
  [[nodiscard]] const NodeId& id(NodeIndex i) const { return plan_.nodes[i].id; }

  /// Ends that follow from what was recorded already. They hold in every state of the run, also a paused one.
  void close_what_ended() {
    for (const auto i : state_.to_checkpoint) facts_.emplace_back(CheckpointReached{id(i)});
    for (const auto l : state_.unmet_loops)
      facts_.emplace_back(LoopExhausted{plan_.loops[l].id, plan_.loops[l].attempts});
    for (const auto& unit : state_.failing) {
      const auto* found = find_unit(state_, unit.node, unit.item);
      facts_.emplace_back(NodeFailed{id(unit.node), unit.item, found->failure.value_or(Failure{})});
    }
    for (const auto& [node, because] : state_.doomed)
      facts_.emplace_back(NodeSkipped{id(node), SkipReason::dependency, id(because)});
    for (const auto i : state_.maps_ended) end_map(i);
    add_told(state_, facts_);
    if (state_.status == RunStatus::running && !state_.lost.empty()) {
      const auto& unit = *state_.lost.begin();
      facts_.emplace_back(
          RunPaused{"an attempt of '" + id(unit.node).str() +
                        "' was lost: it may or may not have had its effect, which must not happen twice",
                    id(unit.node), false});
    }
  }

  void end_map(NodeIndex i) {
    const auto& map = *state_.nodes[i].map;
    const auto required = required_successes(plan_.nodes[i], map);
    if (map.succeeded >= required) {
      facts_.emplace_back(
          NodeCompleted{id(i), std::nullopt, state_.nodes[i].attempt, {}, {}, std::nullopt, std::nullopt});
      return;
    }
    facts_.emplace_back(NodeFailed{id(i), std::nullopt,
                                   Failure{FailureClass::min_success,
                                           std::to_string(map.failed) + " of " + std::to_string(map.units.size()) +
                                               " items failed; " + std::to_string(required) + " must succeed",
                                           std::nullopt}});
  }

  void finish() {
    if (state_.running > 0) return;
    if (state_.status == RunStatus::cancelling)
      facts_.emplace_back(RunCancelled{state_.reason});
    else if (state_.status == RunStatus::timing_out)
      facts_.emplace_back(RunTimedOut{"its time was over, at " + to_rfc3339(*state_.started.deadline)});
    else if (state_.failure)
      facts_.emplace_back(
          RunFailed{*state_.failure, state_.first_failed ? std::optional(id(*state_.first_failed)) : std::nullopt});
    else if (state_.open_nodes == 0)
      facts_.emplace_back(RunCompleted{state_.failed_nodes});
  }

  void ask_and_refuse() {
    for (const auto i : state_.to_refuse)
      facts_.emplace_back(NodeFailed{id(i), std::nullopt,
                                     Failure{FailureClass::permission, refusal(state_, i).value_or(""), std::nullopt}});
    for (const auto i : state_.to_skip) {
      const bool loop_done = plan_.nodes[i].stands_for.has_value();
      facts_.emplace_back(NodeSkipped{id(i), loop_done ? SkipReason::loop_done : SkipReason::condition, std::nullopt});
    }
    for (const auto i : state_.to_ask) facts_.emplace_back(approval_request(state_, i));
    add_waits(state_, facts_);
  }

  void start() {
    const auto taken = state_.running - state_.children;  // Whoever waits for a run of its own takes no turn here.
    auto slots = plan_.max_concurrency > taken ? plan_.max_concurrency - taken : 0;
    for (auto it = state_.ready.begin(); it != state_.ready.end() && slots > 0 && !purse_.is_exhausted(); ++it) {
      const auto& node = state_.nodes[*it];
      if (node.status == NodeStatus::mapping)
        start_items(*it, slots);
      else if (schedule({*it, std::nullopt}, node))
        --slots;
      else if (purse_.waited() > kPassedOverMax)
        break;
    }
    if (const auto& exhausted = purse_.exhausted(); exhausted && facts_.empty())
      policy::add_exhausted(*exhausted, plan_, facts_);
  }

  /// False: its money is not there, now or at all.
  bool schedule(const UnitRef& ref, const UnitState& unit) {
    auto call = purse_.pay(ref, unit);
    if (!call) return false;
    // The last door: what leads here was asked for or refused before.
    HILLSTAR_ASSERT(may_go(state_, ref.node, *call ? (*call)->candidate : 0));
    facts_.emplace_back(
        NodeScheduled{id(ref.node), ref.item, unit.attempt + 1, *std::move(call), plan_.nodes[ref.node].granted});
    return true;
  }

  void start_items(NodeIndex i, std::uint32_t& slots) {
    const auto& map = *state_.nodes[i].map;
    const auto& node = plan_.nodes[i];
    const auto parallel = node.lane.empty() ? node.map->parallel : 1;
    auto room = parallel == 0 ? slots : std::min(slots, parallel - std::min(parallel, map.running));
    const auto start = [&](std::uint32_t item) {
      const bool started = schedule({i, item}, map.units[item]);
      if (started) --slots, --room;
      return started;
    };
    // Items are started in order: one that must wait for money lets none of its map pass.
    for (auto it = map.again.begin(); it != map.again.end() && room > 0; ++it)
      if (!start(*it)) return;
    for (auto item = map.next; item < map.units.size() && room > 0; ++item)
      if (!start(item)) return;
  }

  const RunState& state_;
  const workflow::Plan& plan_;
  Purse purse_;
  Facts facts_;
};

}  // namespace

std::vector<Event> advance(const RunState& state) { return Advance(state).run(); }

bool is_terminal(const RunState& state) {
  return state.status == RunStatus::completed || state.status == RunStatus::failed ||
         state.status == RunStatus::cancelled || state.status == RunStatus::timed_out;
}

bool is_stopping(const RunState& state) {
  return state.status == RunStatus::cancelling || state.status == RunStatus::timing_out;
}

bool waits_for_person(const RunState& state) {
  if (is_terminal(state) || state.running > state.children) return false;
  if (state.status == RunStatus::paused) return true;
  return state.running == 0 && state.retrying == 0 && (state.held > 0 || state.talking > 0 || !state.lost.empty());
}

bool waits_for_signal(const RunState& state) {
  return waits_for_person(state) && state.status != RunStatus::paused && state.held == 0 && state.lost.empty() &&
         state.talk.asked.empty();
}

}  // namespace hillstar::run
