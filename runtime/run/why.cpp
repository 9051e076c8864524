// SPDX-License-Identifier: Apache-2.0
// why(): the run as a whole.
#include "runtime/run/why.hpp"

#include <algorithm>

#include "runtime/policy/budget.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/units.hpp"
#include "runtime/run/why_findings.hpp"

namespace hillstar::run {
namespace {

std::vector<UnitRef> with_status(const RunState& state, std::initializer_list<NodeStatus> wanted) {
  return units_where(state, [&](const UnitRef&, const UnitState& unit) {
    return std::find(wanted.begin(), wanted.end(), unit.status) != wanted.end();
  });
}

/// The first few of them, each with its reasons; the others are named.
void explain_each(Findings& findings, const std::vector<UnitRef>& units, std::uint32_t depth) {
  for (std::size_t i = 0; i < units.size() && i < kNamedMax; ++i) explain_unit(findings, units[i], depth);
  if (units.size() <= kNamedMax) return;
  const std::vector<UnitRef> others(units.begin() + kNamedMax, units.end());
  findings.add(depth, "more", "The same holds for " + named(findings.state, others) + ".");
}

/// What goes on, and what the run waits for.
void explain_open(Findings& findings, std::uint32_t depth) {
  const auto& state = findings.state;
  explain_each(findings, with_status(state, {NodeStatus::lost}), depth);
  if (depth > 1) return;  // A node was asked about: what it waits for has been said.
  explain_each(findings, with_status(state, {NodeStatus::held, NodeStatus::asking, NodeStatus::listening}), depth);
  explain_each(findings, with_status(state, {NodeStatus::running, NodeStatus::expanding}), depth);
  explain_each(findings, with_status(state, {NodeStatus::retrying}), depth);
  if (state.running + state.retrying + state.held + state.talking == 0 && state.lost.empty())
    explain_each(findings, with_status(state, {NodeStatus::ready}), depth);
}

std::string progress(const RunState& state) {
  const auto ended = state.nodes.size() - state.open_nodes;
  return std::to_string(ended) + " of " + counted(state.nodes.size(), "node") + " " + (ended == 1 ? "has" : "have") +
         " ended";
}

/// Nodes whose failure did not make the run fail, and nodes that were left out.
void explain_endings(Findings& findings, std::uint32_t depth) {
  const auto& state = findings.state;
  const auto plain = [&](NodeStatus status) {
    return units_where(state,
                       [&](const UnitRef& ref, const UnitState& unit) { return !ref.item && unit.status == status; });
  };
  explain_each(findings, plain(NodeStatus::failed), depth);
  auto skipped = plain(NodeStatus::skipped);
  // What a loop did not need is no news.
  std::erase_if(skipped, [&](const UnitRef& ref) { return state.plan->nodes[ref.node].stands_for.has_value(); });
  if (skipped.empty()) return;
  findings.add(depth, "skipped", counted(skipped.size(), "node") + " skipped: " + named(state, skipped) + ".");
  for (const auto& unit : skipped) findings.step(Remedy::why, unit);
}

void explain_completed(Findings& findings, std::uint32_t depth) {
  const auto& state = findings.state;
  findings.add(depth, "completed",
               "The run is completed: " + (state.nodes.empty() ? std::string("it has no nodes.")
                                                               : "every node has ended, and no failure made it fail."),
               std::nullopt, findings.last<RunCompleted>());
  findings.step(Remedy::result);
  explain_endings(findings, depth + 1);
}

void explain_budget(Findings& findings, std::uint32_t depth) {
  const auto* event = findings.last<BudgetExhausted>();
  if (event == nullptr) return;
  const auto& budget = std::get<BudgetExhausted>(event->event);
  findings.add(depth, "budget", policy::describe(budget) + ".",
               UnitRef{index_of_node(findings.state, budget.node), budget.item}, event);
}

/// The first cause of a run that fails or has failed.
void explain_first_failure(Findings& findings, std::uint32_t depth) {
  const auto& state = findings.state;
  const auto first = state.first_failed;
  if (first && state.nodes[*first].status == NodeStatus::failed) {
    explain_unit(findings, {*first, std::nullopt}, depth);
    return;
  }
  if (state.failure && state.failure->kind == FailureClass::budget) return explain_budget(findings, depth);
  const auto* exhausted = findings.last<LoopExhausted>();
  if (exhausted == nullptr) return;
  const auto& event = std::get<LoopExhausted>(exhausted->event);
  findings.add(depth, "loop_exhausted",
               "Loop '" + event.loop + "' has used up its " + counted(event.attempts, "attempt") +
                   " (max_attempts), and fails the run then (on_exhausted).",
               std::nullopt, exhausted);
  for (const auto& loop : state.plan->loops)
    if (loop.id == event.loop) explain_condition(findings, loop.met, false, depth + 1);
}

void explain_failed(Findings& findings, std::uint32_t depth) {
  const auto& state = findings.state;
  const auto failure = state.failure.value_or(Failure{});
  const bool ended = state.status == RunStatus::failed;
  findings.add(depth, ended ? "failed" : "failing",
               ended ? "The run has failed; " + progress(state) + "."
                     : "The run is failing: nothing new starts, and what runs may end.",
               std::nullopt, ended ? findings.last<RunFailed>() : nullptr);
  const auto before = findings.answer.reasons.size() + findings.answer.left_out;
  explain_first_failure(findings, depth + 1);
  if (findings.answer.reasons.size() + findings.answer.left_out == before)
    findings.add(depth + 1, "failure", words_of(failure) + ".");
  if (!ended) explain_open(findings, depth + 1);
  findings.step(ended ? Remedy::new_run : Remedy::resume);
}

void explain_timed_out(Findings& findings, std::uint32_t depth) {
  const auto& state = findings.state;
  const bool ended = state.status == RunStatus::timed_out;
  std::string text = ended ? "The run's time was over" : "The run's time is over: what runs is stopped";
  if (const auto& deadline = state.started.deadline) text += ", at " + to_rfc3339(*deadline);
  findings.add(depth, ended ? "timed_out" : "timing_out", text + "; " + progress(state) + ".", std::nullopt,
               findings.last<RunDeadlinePassed>());
  if (!ended) explain_open(findings, depth + 1);
  if (ended) findings.step(Remedy::new_run);
}

void explain_queued(Findings& findings, std::uint32_t depth) {
  std::string text = "The run was accepted and waits its turn";
  if (const auto& trigger = findings.state.started.trigger; trigger && trigger->stream)
    text += ": stream '" + *trigger->stream + "' runs as many as it may, or is held";
  findings.add(depth, "queued", text + ".", std::nullopt, findings.last<RunQueued>());
}

void explain_cancelled(Findings& findings, std::uint32_t depth) {
  const auto& state = findings.state;
  const auto* asked = findings.last<CancelRequested>();
  const auto* event = asked != nullptr ? std::get_if<CancelRequested>(&asked->event) : nullptr;
  const bool ended = state.status == RunStatus::cancelled;
  std::string text = ended ? "The run was cancelled" : "The run is being cancelled: what runs is stopped";
  if (event != nullptr && !event->who.empty()) text += ", as " + event->who + " asked";
  if (!state.reason.empty()) text += ": " + state.reason;
  findings.add(depth, ended ? "cancelled" : "cancelling", text + "; " + progress(state) + ".", std::nullopt, asked);
  if (!ended) explain_open(findings, depth + 1);
  findings.step(ended ? Remedy::new_run : Remedy::resume);
}

/// An exhausted budget that nobody has answered by resuming.
bool waits_for_budget(const Findings& findings) {
  const auto* exhausted = findings.last<BudgetExhausted>();
  const auto* resumed = findings.last<RunResumed>();
  return exhausted != nullptr && (resumed == nullptr || resumed->seq < exhausted->seq);
}

/// How there can be money again.
void explain_more_money(Findings& findings, std::uint32_t depth) {
  switch (std::get<BudgetExhausted>(findings.last<BudgetExhausted>()->event).scope) {
    case BudgetScope::node:
    case BudgetScope::run:
      return findings.step(Remedy::raise_budget);
    case BudgetScope::day:
      findings.add(depth, "mend", "A new day begins at midnight UTC; resume it then.");
      return findings.step(Remedy::resume);
    case BudgetScope::workflow:
      findings.add(depth, "mend",
                   "The limit of all runs stands in model_config.budget of the workflow file; a run keeps the one that "
                   "it was started with.");
      return findings.step(Remedy::resume);
  }
}

void explain_paused(Findings& findings, std::uint32_t depth) {
  const auto& state = findings.state;
  const auto* event = findings.last<RunPaused>();
  const bool interrupted = event != nullptr && std::get<RunPaused>(event->event).interrupted;
  findings.add(depth, "paused",
               "The run is paused" + (state.reason.empty() ? std::string() : " (" + state.reason + ")") +
                   ": nothing starts until it is resumed" +
                   (interrupted ? ", and what ran was stopped; it runs again then" : "") + ".",
               std::nullopt, event);
  const bool money = waits_for_budget(findings);
  if (money) {
    explain_budget(findings, depth + 1);
    explain_more_money(findings, depth + 1);
  }
  explain_open(findings, depth + 1);
  if (state.lost.empty() && !money) findings.step(Remedy::resume);
}

void explain_running(Findings& findings, std::uint32_t depth) {
  const auto& state = findings.state;
  std::string text = "The run is running: ";
  std::string kind = "running";
  if (waits_for_person(state)) {
    text = waits_for_signal(state) ? "The run waits for a signal: " : "The run waits for a person: ";
    kind = "waiting";
  }
  text += progress(state);
  if (state.running > 0)
    text += ", " + counted(state.running, "attempt") + (state.running == 1 ? " is" : " are") + " in flight";
  if (state.retrying > 0)
    text += ", " + std::to_string(state.retrying) + (state.retrying == 1 ? " waits" : " wait") + " to try again";
  if (state.held > 0)
    text += ", " + std::to_string(state.held) + (state.held == 1 ? " waits" : " wait") + " for approval";
  if (state.talking > 0)
    text += ", " + std::to_string(state.talking) + (state.talking == 1 ? " waits" : " wait") + " to be told something";
  findings.add(depth, kind, text + ".", std::nullopt, findings.history.empty() ? nullptr : &findings.history.back());
  explain_open(findings, depth + 1);
  if (kind == "running") findings.step(Remedy::resume);
}

}  // namespace

void explain_run(Findings& findings, std::uint32_t depth) {
  switch (findings.state.status) {
    case RunStatus::created:
      return findings.add(depth, "created", "The run has not begun.");
    case RunStatus::running:
      return explain_running(findings, depth);
    case RunStatus::paused:
      return explain_paused(findings, depth);
    case RunStatus::cancelling:
    case RunStatus::cancelled:
      return explain_cancelled(findings, depth);
    case RunStatus::queued:
      return explain_queued(findings, depth);
    case RunStatus::timing_out:
    case RunStatus::timed_out:
      return explain_timed_out(findings, depth);
    case RunStatus::failing:
    case RunStatus::failed:
      return explain_failed(findings, depth);
    case RunStatus::completed:
      return explain_completed(findings, depth);
  }
}

Why why(const RunState& state, const std::vector<Recorded>& history, std::optional<UnitRef> unit) {
  Findings findings(state, history);
  if (!unit)
    explain_run(findings, 0);
  else if (find_unit(state, unit->node, unit->item) != nullptr)
    explain_unit(findings, *unit, 0);
  return std::move(findings.answer);
}

}  // namespace hillstar::run
