// SPDX-License-Identifier: Apache-2.0
// Fact -> next state. Keeps the sets of what may start, so that advance looks only at what changed. Decides nothing.
#include <algorithm>
#include <utility>

#include "runtime/policy/budget.hpp"
#include "runtime/run/child.hpp"
#include "runtime/run/moves.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/talk.hpp"
#include "runtime/run/units.hpp"

namespace hillstar::run {
namespace {

/// The reply ended at its token limit. Providers have their own words for it.
bool was_cut(const Json& detail) {
  const auto& text = detail.text();
  for (const auto* word : {"length", "max_tokens", "MAX_TOKENS", "max_output_tokens"})
    if (text.find(std::string(R"("finish_reason":")") + word + '"') != std::string::npos) return true;
  return false;
}

class Evolution : private Moves {
 public:
  using Moves::Moves;

  void operator()(const RunStarted& event) {
    state_.started = event;
    state_.started_at = at_;
    if (event.budget) state_.budget = policy::tighter(plan_, *event.budget);
    state_.status = RunStatus::running;
    state_.open_nodes = static_cast<std::uint32_t>(plan_.nodes.size());
    for (NodeIndex i = 0; i < plan_.nodes.size(); ++i) {
      state_.nodes[i].open_predecessors = static_cast<std::uint32_t>(plan_.nodes[i].predecessors.size());
      if (state_.nodes[i].open_predecessors == 0) startable_.place(i);
    }
  }

  void operator()(const RunPaused& event) {
    state_.status = RunStatus::paused;
    state_.reason = event.reason;
    state_.interrupted = event.interrupted;
  }
  void operator()(const RunResumed& event) {
    state_.status = state_.failure ? RunStatus::failing : RunStatus::running;
    if (event.budget) state_.budget = event.budget;
    state_.reason.clear();
    state_.interrupted = false;
  }
  void operator()(const CancelRequested& event) {
    state_.status = RunStatus::cancelling;
    state_.reason = event.reason;
  }
  void operator()(const RunQueued& event) {
    state_.status = RunStatus::queued;
    state_.ticket = event.ticket;
    for (NodeIndex i = 0; i < plan_.nodes.size(); ++i) stop_clock({i, std::nullopt});
  }
  void operator()(const RunAdmitted&) {
    state_.status = RunStatus::running;
    for (NodeIndex i = 0; i < plan_.nodes.size(); ++i)
      if (state_.nodes[i].status == NodeStatus::ready) startable_.start_clock({i, std::nullopt});
  }
  void operator()(const RunDeadlinePassed&) { state_.status = RunStatus::timing_out; }
  void operator()(const RunTimedOut& event) {
    state_.status = RunStatus::timed_out;
    state_.reason = event.reason;
  }
  void operator()(const RunCompleted&) { state_.status = RunStatus::completed; }
  void operator()(const RunFailed& event) {
    state_.status = RunStatus::failed;
    state_.failure = event.failure;
  }
  void operator()(const RunCancelled& event) {
    state_.status = RunStatus::cancelled;
    state_.reason = event.reason;
  }

  void operator()(const LoopExhausted& event) {
    const auto loop =
        std::find_if(plan_.loops.begin(), plan_.loops.end(), [&](const auto& l) { return l.id == event.loop; });
    HILLSTAR_ASSERT(loop != plan_.loops.end());
    std::erase(state_.unmet_loops, static_cast<std::uint32_t>(loop - plan_.loops.begin()));
    ++state_.truncated;
    if (loop->fail_when_exhausted)
      fail_run(
          {FailureClass::loop_exhausted,
           "loop '" + event.loop + "' did not meet its condition in " + std::to_string(event.attempts) + " attempts",
           std::nullopt},
          std::nullopt);
  }

  void operator()(const NodeInherited& event) {
    const auto i = index_of_node(state_, event.node);
    auto& node = state_.nodes[i];
    startable_.unplace(i);
    node.result = event.result;
    node.tests = event.tests;
    end(i, NodeStatus::completed);
  }

  void operator()(const NodeScheduled& event) {
    const auto i = index_of_node(state_, event.node);
    auto& unit = unit_of(i, event.item);
    unit.attempt = event.attempt;
    enter_flight(i, event.item);
    if (event.call) {
      if (!unit.call) unit.call.emplace();
      release(unit);
      unit.call->reserved = *event.call;
      unit.call->candidate = event.call->candidate;
      state_.reserved += event.call->cost;
    }
    if (event.item) {
      auto& map = *state_.nodes[i].map;
      if (map.again.erase(*event.item) == 0) map.next = *event.item + 1;
      ++map.running;
      startable_.offer_items(i);
      return;
    }
    state_.ready.erase(i);
    if (const auto& lane = plan_.nodes[i].lane; !lane.empty()) {
      state_.lanes[lane].busy = true;
      state_.lanes[lane].head.reset();
    }
  }

  void operator()(const MapExpanded& event) {
    const auto i = index_of_node(state_, event.node);
    auto& node = state_.nodes[i];
    --state_.running;  // The lane stays taken until the map ends: its items run one by one.
    node.status = NodeStatus::mapping;
    node.map = std::make_unique<MapState>();
    node.map->items = event.items;
    node.map->longest = event.longest.value_or(0);
    node.map->units.resize(event.count);
    stop_clock({i, std::nullopt});  // From now on each item has its own.
    if (plan_.nodes[i].schedule_to_close)
      for (std::uint32_t item = 0; item < event.count; ++item) startable_.start_clock({i, item});
    if (waits_to_be_told(plan_.nodes[i])) {
      node.map->next = node.map->retrying = event.count;
      for (std::uint32_t item = 0; item < event.count; ++item) state_.talk.to_wait.insert({i, item});
    }
    startable_.offer_items(i);
  }

  void operator()(const NodeCompleted& event) {
    const auto i = index_of_node(state_, event.node);
    auto& node = state_.nodes[i];
    add(event.usage);
    if (event.detail && was_cut(*event.detail)) ++state_.truncated;
    if (event.item) {
      auto& unit = unit_of(i, event.item);
      leave(i, event.item);
      stop_clock({i, event.item});
      settle(i, unit, event);
      unit.status = NodeStatus::completed;
      unit.result = event.result;
      ++node.map->succeeded;
      startable_.offer_items(i);
      return;
    }
    if (node.status == NodeStatus::mapping) {
      leave_map(i);
    } else {
      leave(i, std::nullopt);
      settle(i, node, event);
    }
    node.result = event.result;
    node.tests = event.tests;
    if (plan_.nodes[i].checkpoint) state_.to_checkpoint.insert(i);
    end(i, NodeStatus::completed);
  }

  void operator()(const NodeAttemptFailed& event) {
    const auto i = index_of_node(state_, event.node);
    add(event.usage);
    leave_flight(i, event.item);
    auto& unit = unit_of(i, event.item);
    settle(i, unit, event);
    ++unit.counted;
    unit.failure = event.failure;
    unit.result = event.result;
    if (event.repair) {
      --unit.counted;  // The call itself did not fail.
      ++unit.call->repairs;
      unit.call->rejected = std::make_shared<const Value>(event.result);
      again(i, event.item);
    } else if (event.next_candidate) {
      unit.counted = 0;
      unit.call->candidate = *event.next_candidate;
      again(i, event.item);
    } else if (event.retry_at) {
      wait_until({i, event.item}, *event.retry_at);
    } else if (unit.overdue) {
      give_up_late({i, event.item});
    } else {
      give_up({i, event.item}, event.failure);
    }
    if (event.item) startable_.offer_items(i);
  }

  void operator()(const NodeRetryDue& event) {
    const auto i = index_of_node(state_, event.node);
    leave_wait({i, event.item});
    again(i, event.item);
  }

  void operator()(const NodeAttemptLost& event) {
    const auto i = index_of_node(state_, event.node);
    leave_flight(i, event.item);
    auto& unit = unit_of(i, event.item);
    // Whoever asks for a run of its own again gets the same one; shared state answers as it did.
    const bool waits = runs_workflow(plan_.nodes[i]);
    const bool repeats = waits || plan_.nodes[i].tool == "state";
    if (waits)
      keep(unit);
    else
      Moves::settle(unit, [](const Reservation& held) { return held.cost; });
    if (!repeats) ++unit.lost;
    if (unit.overdue) {
      give_up_late({i, event.item});
    } else if (unit.lost >= kLostMax) {
      give_up({i, event.item},
              {FailureClass::lost, "nobody saw the end of " + std::to_string(unit.lost) + " attempts", std::nullopt});
    } else if (!repeats && plan_.nodes[i].effect == workflow::Effect::once && unit.status != NodeStatus::expanding) {
      unit.status = NodeStatus::lost;
      state_.lost.insert({i, event.item});
      if (event.item) ++state_.nodes[i].map->retrying;
    } else {
      again(i, event.item);
    }
    if (event.item) startable_.offer_items(i);
  }

  void operator()(const NodeResolved& event) {
    const auto i = index_of_node(state_, event.node);
    state_.lost.erase({i, event.item});
    if (event.item) --state_.nodes[i].map->retrying;
    if (event.settlement == Settlement::run_again) {
      again(i, event.item);
      return;
    }
    give_up({i, event.item},
            {FailureClass::lost, "the attempt was lost, and settled as failed: " + event.reason, std::nullopt});
  }

  void operator()(const NodeCancelled& event) {
    const auto i = index_of_node(state_, event.node);
    add(event.usage);
    leave_flight(i, event.item);
    auto& unit = unit_of(i, event.item);
    // A run of its own that has not ended goes on with what it has.
    if (runs_workflow(plan_.nodes[i]) && !event.usage)
      keep(unit);
    else
      settle(i, unit, event);
    again(i, event.item);
  }

  void operator()(const NodeFailed& event) {
    const auto i = index_of_node(state_, event.node);
    auto& unit = unit_of(i, event.item);
    state_.failing.erase({i, event.item});
    release(unit);
    unit.failure = event.failure;
    if (unit.result.json.is_null() && unit.result.blobs.empty()) unit.result.json = error_result(event.failure);
    if (event.item) {
      stop_clock({i, event.item});
      unit.status = NodeStatus::failed;
      ++state_.nodes[i].map->failed;
      startable_.offer_items(i);
      return;
    }
    const bool placed = unit.status == NodeStatus::ready || unit.status == NodeStatus::waiting;
    if (placed) startable_.unplace(i);
    if (unit.status == NodeStatus::mapping) leave_map(i);
    ++state_.failed_nodes;
    if (plan_.nodes[i].on_error == workflow::OnError::fail) fail_run(event.failure, i);
    end(i, NodeStatus::failed);
  }

  void operator()(const NodeSkipped& event) {
    const auto i = index_of_node(state_, event.node);
    state_.doomed.erase(i);
    startable_.unplace(i);
    if (const auto source = plan_.nodes[i].stands_for; source && event.reason == SkipReason::loop_done)
      state_.nodes[i].tests = state_.nodes[*source].tests;
    end(i, NodeStatus::skipped, event.reason == SkipReason::dependency);
  }

  void operator()(const CheckpointReached& event) { state_.to_checkpoint.erase(index_of_node(state_, event.node)); }

  /// What it means says the plan: a pause is a fact of its own.
  void operator()(const BudgetExhausted& event) {
    if (policy::pauses(plan_, event.scope)) return;
    fail_run({FailureClass::budget, policy::describe(event), std::nullopt}, index_of_node(state_, event.node));
  }
  /// For whoever reads the history: nothing follows from it.
  void operator()(const ConnectionAttempted&) {}
  void operator()(const NodeWaitsForPlace&) {}
  void operator()(const StateChanged& event) { state::fold(state_.cells, event); }
  void operator()(const SignalReceived& event) { evolve_talk(state_, event, at_); }
  void operator()(const InputRequested& event) { evolve_talk(state_, event, at_); }
  void operator()(const InputProvided& event) { evolve_talk(state_, event, at_); }
  void operator()(const SignalAwaited& event) { evolve_talk(state_, event, at_); }
  void operator()(const NodeDeadlinePassed& event) { evolve_talk(state_, event, at_); }
  void operator()(const ApprovalRequested& event) {
    const auto i = index_of_node(state_, event.node);
    startable_.unplace(i);
    state_.nodes[i].status = NodeStatus::held;
    state_.nodes[i].approval = std::make_unique<ApprovalState>(ApprovalState{event, {}});
    ++state_.held;
  }
  void operator()(const ApprovalAnswered& event) {
    const auto i = index_of_node(state_, event.node);
    auto& node = state_.nodes[i];
    HILLSTAR_ASSERT(node.approval != nullptr);
    if (event.approved) {
      node.approval->given.insert(event.who);
      if (node.approval->given.size() < node.approval->asked.approvals.value_or(1)) return;
    }
    node.approval.reset();
    --state_.held;
    if (event.approved) {
      node.approved = true;
      startable_.place(i);
      return;
    }
    give_up({i, std::nullopt},
            {FailureClass::rejected, event.who + " rejected it" + (event.reason.empty() ? "" : ": " + event.reason),
             std::nullopt});
  }

  /// A stream's facts are no run's.
  template <class Foreign>
  void operator()(const Foreign&) {
    throw InvariantError{"a run's history holds a fact of a stream"};
  }

 private:
  /// The attempt has ended: what was reserved for it is spent, or free again.
  template <class Ended>
  void settle(NodeIndex i, UnitState& unit, const Ended& event) {
    if (!runs_workflow(plan_.nodes[i]))
      return Moves::settle(unit, [&](const Reservation& held) { return policy::charge_of(event, held); });
    const auto told = event.usage.value_or(Usage{});
    state_.below.input_tokens += told.input_tokens;
    state_.below.output_tokens += told.output_tokens;
    state_.below.cost += told.cost;
    const auto charge = told.cost + unsettled_of(event.detail);
    if (!unit.call) {
      state_.spent += charge;
      return;
    }
    Moves::settle(unit, [&](const Reservation&) { return charge; });
    unit.call->kept = false;
  }
  /// What is reserved for a run of its own stays so until that has ended.
  static void keep(UnitState& unit) {
    if (unit.call) unit.call->kept = true;
  }
  void release(UnitState& unit) {
    if (!unit.call || !std::exchange(unit.call->kept, false)) return;
    state_.reserved -= unit.call->reserved.cost;
  }
  /// It completes: of an attempt, or because it was told what it waited for.
  void leave(NodeIndex i, const std::optional<std::uint32_t>& item) {
    if (is_told_of(unit_of(i, item).status))
      leave_talk({i, item});
    else
      leave_flight(i, item);
  }
};

}  // namespace

void evolve(RunState& state, const Event& event, UtcTime at) {
  std::visit(Evolution(state, at), event);
  ++state.version;
  state.updated_at = at;
}

}  // namespace hillstar::run
