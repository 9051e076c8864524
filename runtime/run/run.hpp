// SPDX-License-Identifier: Apache-2.0
// One run as pure functions: the whole engine on one page. Start reading here.
//
// An input (something happened) is decided into facts; facts move the state; what follows from the state alone
// is advanced into more facts. The caller makes the facts durable, and only then acts on commands_of them.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "messages/commands.hpp"
#include "messages/events.hpp"
#include "messages/inputs.hpp"
#include "runtime/run/state.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::run {

/// Lost attempts of one node before the run gives up on it: a poison node must not kill hosts for ever.
inline constexpr std::uint32_t kLostMax = 5;

/// The state before the first event. `index` saves building it again where many runs share a plan.
RunState initial(std::shared_ptr<const workflow::Plan> plan, std::shared_ptr<const PlanIndex> index = nullptr);
std::shared_ptr<const PlanIndex> index_of(const workflow::Plan& plan);

/// What just happened, as facts. Empty if the input is stale, repeated or late.
/// Total: never throws, whatever the input.
std::vector<Event> decide(const RunState& state, const Input& input);

/// What follows from the state alone: skip, schedule, ask, finish. Empty once nothing follows.
std::vector<Event> advance(const RunState& state);

/// Moves the state by one fact, in place, in time proportional to the nodes touched. Never decides.
/// `at` is the time recorded with the fact. An event that names a node the plan lacks is an InvariantError.
void evolve(RunState& state, const Event& event, UtcTime at);

/// decide and evolve, then advance and evolve until nothing follows. Returns the facts that must be durable before
/// anything is done about them.
std::vector<Event> step(RunState& state, const Input& input);

/// What a fact asks of the world, given the state after the step (live path).
std::vector<Command> commands_of(const RunState& state, const Event& event);

/// What the world still owes this run (recovery): the commands that were issued and not yet answered.
std::vector<Command> outstanding(const RunState& state);

/// Attempts in flight that another machine makes, and that may outlive this process.
void each_elsewhere(const RunState& state, const std::function<void(const AttemptRef&)>& take);

/// When something happens to the run by itself, whether or not anything is told: its deadline, and those of its nodes.
/// Answer with DeadlineReached then.
std::optional<UtcTime> next_deadline(const RunState& state);

/// The state after a history. A run that is to go on is folded from a state with its routes and its guard.
RunState replay(RunState fresh, const std::vector<Recorded>& history);
/// To look at: without them.
RunState replay(std::shared_ptr<const workflow::Plan> plan, const std::vector<Recorded>& history);

bool is_terminal(const RunState& state);
/// True if it is being cancelled, or its time is over: nothing new starts, and only its end can follow.
bool is_stopping(const RunState& state);
/// True if nothing runs, nothing is tried again by itself, and only what the run is told can go on: paused, approvals
/// or values asked, signals awaited.
bool waits_for_person(const RunState& state);

/// True if what it waits for in that case is signals alone.
bool waits_for_signal(const RunState& state);

/// May this person answer what was asked?
bool may_answer(const ApprovalRequested& asked, const std::string& who);
/// Would it change anything? Nobody counts twice; who approved may still reject.
bool would_count(const ApprovalState& approval, const std::string& who, bool approved);

/// The result that references to `node` see: its own, the winning attempt's for a skipped loop attempt,
/// the collected items for a map, a null value if there is none. What was collected is kept in the state, which
/// therefore belongs to one thread at a time also where it is const.
Value result_of(const RunState& state, NodeIndex node);

}  // namespace hillstar::run
