// SPDX-License-Identifier: Apache-2.0
// Input -> facts about what just happened. Whatever is stale, repeated or late becomes nothing.
#include <algorithm>
#include <utility>

#include "runtime/policy/budget.hpp"
#include "runtime/policy/retry.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/talk.hpp"
#include "runtime/run/units.hpp"
#include "runtime/workflow/references.hpp"

namespace hillstar::run {
namespace {

using Facts = std::vector<Event>;

class Decision {
 public:
  Decision(const RunState& state, const Input& input) : state_(state), input_(input) {}

  Facts operator()(const Start& start) {
    if (state_.status != RunStatus::created) return {};
    Facts facts{start.started};
    for (const auto& inherited : start.inherited)
      if (state_.index->contains(inherited.node.str())) facts.emplace_back(inherited);
    if (!start.cells.empty()) facts.emplace_back(StateChanged{start.cells, {}, {}, {}, {}, {}});
    if (start.ticket) facts.emplace_back(RunQueued{*start.ticket});
    return facts;
  }

  Facts operator()(const AttemptSucceeded& in) {
    const auto* unit = current(in.ref);
    if (unit == nullptr || unit->status != NodeStatus::running) return {};
    if (in.state) return decide_state(in);
    auto facts = connections(in.ref, in.connections);
    facts.emplace_back(NodeCompleted{id(in.ref.node), in.ref.item, in.ref.attempt, in.result, in.tests, in.usage,
                                     in.detail, in.made_by});
    return facts;
  }

  Facts operator()(const ItemsListed& in) {
    const auto* unit = current(in.ref);
    if (unit == nullptr || unit->status != NodeStatus::expanding) return {};
    return {MapExpanded{id(in.ref.node), in.ref.attempt, in.count, in.items,
                        in.longest > 0 ? std::optional(in.longest) : std::nullopt}};
  }

  Facts operator()(const AttemptFailed& in) {
    const auto* unit = current(in.ref);
    if (unit == nullptr) return {};
    NodeAttemptFailed fact{id(in.ref.node), in.ref.item, in.ref.attempt, in.failure,
                           in.result,       {},          in.usage,       in.detail};
    fact.made_by = in.made_by;
    const bool goes_on = state_.status == RunStatus::running || state_.status == RunStatus::paused;
    if (goes_on && !unit->overdue) follow_up(*unit, in, fact);
    auto facts = connections(in.ref, in.connections);
    facts.emplace_back(std::move(fact));
    return facts;
  }

  Facts operator()(const AttemptLost& in) {
    if (current(in.ref) == nullptr) return {};
    auto facts = connections(in.ref, in.connections);
    facts.emplace_back(lost(in.ref, in.detail, in.made_by));
    return facts;
  }

  Facts operator()(const PlaceMissing& in) {
    const auto* unit = current(in.ref);
    if (unit == nullptr || unit->status != NodeStatus::running || is_stopping(state_)) return {};
    return {NodeWaitsForPlace{id(in.ref.node), in.ref.item, in.ref.attempt, in.reason}};
  }

  Facts operator()(const AttemptCancelled& in) {
    const auto* unit = current(in.ref);
    if (unit == nullptr) return {};
    auto facts = connections(in.ref, in.connections);
    // Nobody asked for it: whoever stopped the attempt, the run did not see its end.
    if (!is_stopping(state_) && !state_.interrupted && !unit->overdue)
      facts.emplace_back(lost(in.ref, in.detail, in.made_by));
    else
      facts.emplace_back(
          NodeCancelled{id(in.ref.node), in.ref.item, in.ref.attempt, in.unsent, in.detail, in.usage, in.made_by});
    return facts;
  }

  Facts operator()(const BudgetRefused& in) {
    if (current(in.ref) == nullptr) return {};
    Facts facts{NodeCancelled{id(in.ref.node), in.ref.item, in.ref.attempt, true}};
    if (state_.status == RunStatus::running)
      policy::add_exhausted({id(in.ref.node), in.ref.item, in.scope, in.limit, in.spent, in.needed}, *state_.plan,
                            facts);
    return facts;
  }

  Facts operator()(const RetryDue& in) {
    const auto* unit = find_unit(state_, in.ref.node, in.ref.item);
    if (unit == nullptr || unit->status != NodeStatus::retrying || unit->attempt != in.ref.attempt) return {};
    return {NodeRetryDue{id(in.ref.node), in.ref.item, in.ref.attempt}};
  }

  Facts operator()(const ApprovalGiven& in) {
    const auto* unit = find_unit(state_, in.node, std::nullopt);
    if (unit == nullptr || unit->status != NodeStatus::held) return {};
    if (!would_count(*state_.nodes[in.node].approval, in.who, in.approved)) return {};
    return {ApprovalAnswered{id(in.node), in.approved, in.who, in.reason}};
  }

  Facts operator()(const PauseAsked& in) {
    const bool running = state_.status == RunStatus::running;
    const bool more = state_.status == RunStatus::paused || state_.status == RunStatus::failing;
    const bool stops = in.cancel_attempts && !state_.interrupted && state_.running > 0;
    if (!running && !(more && stops)) return {};
    return {RunPaused{in.reason, std::nullopt, in.cancel_attempts}};
  }

  Facts operator()(const ResumeAsked& in) {
    // A lost attempt must be settled first: resuming would only pause again.
    if (state_.status != RunStatus::paused || !state_.lost.empty()) return {};
    return {RunResumed{in.who, in.budget}};
  }

  Facts operator()(const CancelAsked& in) {
    if (is_stopping(state_)) return {};
    return {CancelRequested{in.who, in.reason}};
  }

  Facts operator()(const Admit&) {
    if (state_.status != RunStatus::queued) return {};
    return {RunAdmitted{}};
  }

  Facts operator()(const DeadlineReached&) {
    const auto& deadline = state_.started.deadline;
    if (is_stopping(state_)) return {};
    if (deadline && input_.at >= *deadline) return {RunDeadlinePassed{}};
    return decide_overdue(state_, input_.at);
  }

  Facts operator()(const SignalGiven& in) { return decide_signal(state_, in); }
  Facts operator()(const InputGiven& in) { return decide_answer(state_, in); }

  Facts operator()(const Resolved& in) {
    const auto* unit = find_unit(state_, in.node, in.item);
    if (unit == nullptr || unit->status != NodeStatus::lost) return {};
    return {NodeResolved{id(in.node), in.item, unit->attempt, in.settlement, in.who, in.reason}};
  }

  Facts operator()(const Recovered&) {
    // What is over by now is not begun once more.
    auto facts = is_stopping(state_) ? Facts() : decide_overdue(state_, input_.at);
    if (state_.running == 0) return facts;
    for (NodeIndex i = 0; i < state_.nodes.size(); ++i) {
      const auto& node = state_.nodes[i];
      if (is_gone(i, node)) facts.emplace_back(lost({i, std::nullopt, node.attempt}));
      if (!node.map) continue;
      for (std::uint32_t item = 0; item < node.map->next; ++item)
        if (is_gone(i, node.map->units[item])) facts.emplace_back(lost({i, item, node.map->units[item].attempt}));
    }
    return facts;
  }

 private:
  /// Of the run's own state: what changes and the node's end are one write.
  Facts decide_state(const AttemptSucceeded& in) {
    auto outcome = state::apply(state_.cells, *in.state);
    Json answer;
    Facts facts;
    if (auto* refused = std::get_if<state::Refused>(&outcome)) {
      if (!refused->conflict || in.state->on_conflict == OnConflict::fail)
        return (*this)(AttemptFailed{in.ref, std::move(refused->failure), {}, {}});
      answer = state::conflict_answer(*refused->conflict);
    } else {
      auto& applied = std::get<state::Applied>(outcome);
      answer = std::move(applied.answer);
      if (!applied.changes.empty())
        facts.emplace_back(StateChanged{std::move(applied.changes), {}, id(in.ref.node), in.ref.item, {}, {}});
    }
    NodeCompleted fact;
    fact.node = id(in.ref.node);
    fact.item = in.ref.item;
    fact.attempt = in.ref.attempt;
    fact.result = Value{{}, std::move(answer)};
    const ReadBlob none = [](const std::string& sha256) -> Result<std::string> {
      return Error{Errc::blob_missing, "a value of shared state has no blob", sha256};
    };
    for (const auto& test : state_.plan->nodes[in.ref.node].tests)
      fact.tests.push_back(workflow::passes(test, fact.result, none).value_or(false));
    facts.emplace_back(std::move(fact));
    return facts;
  }

  [[nodiscard]] Facts connections(const AttemptRef& ref, const std::vector<Connection>& made) const {
    Facts facts;
    facts.reserve(made.size() + 1);
    for (const auto& one : made)
      facts.emplace_back(ConnectionAttempted{id(ref.node), ref.item, ref.attempt, one.endpoint, one.address,
                                             one.allowed, one.failure});
    return facts;
  }

  /// What follows a failed attempt: a reply is mended, then the same place is tried again, then the next one.
  void follow_up(const UnitState& unit, const AttemptFailed& in, NodeAttemptFailed& fact) const {
    const auto& node = state_.plan->nodes[in.ref.node];
    const auto repairs = unit.call ? unit.call->repairs : 0;
    if (in.failure.kind == FailureClass::schema_mismatch && unit.call && repairs < node.repairs.value_or(0)) {
      fact.repair = true;
      return;
    }
    if (const auto delay = policy::next_delay(node.retry, unit.counted + 1, in.failure, input_.chance_ppm)) {
      fact.retry_at = input_.at + *delay;
      return;
    }
    if (!state_.routes || !unit.call || !policy::may_go_elsewhere(in.failure.kind)) return;
    const auto& places = state_.routes->of(in.ref.node);
    auto next = unit.call->candidate + 1;
    while (next < places.size() && !may_go(state_, in.ref.node, next)) ++next;
    if (next >= places.size()) return;
    fact.next_candidate = next;
    fact.next_provider = places[next].provider;
  }

  /// An attempt in flight died with its process. One that waits for a run of its own goes on waiting for it, and one
  /// that was made elsewhere may still be under way there: whoever executes it asks.
  [[nodiscard]] bool is_gone(NodeIndex i, const UnitState& unit) const {
    return is_in_flight(unit) && !waits_for_run(*state_.plan, i, unit) && !is_elsewhere(*state_.plan, i, unit);
  }

  [[nodiscard]] NodeId id(NodeIndex i) const { return state_.plan->nodes[i].id; }
  [[nodiscard]] NodeAttemptLost lost(const AttemptRef& ref, const std::optional<Json>& detail = {},
                                     const std::optional<MadeBy>& made_by = {}) const {
    return {id(ref.node), ref.item, ref.attempt, detail, made_by};
  }

  /// The unit, if this very attempt of it is in flight.
  [[nodiscard]] const UnitState* current(const AttemptRef& ref) const {
    const auto* unit = find_unit(state_, ref.node, ref.item);
    return unit != nullptr && is_in_flight(*unit) && unit->attempt == ref.attempt ? unit : nullptr;
  }

  const RunState& state_;
  const Input& input_;
};

}  // namespace

bool may_answer(const ApprovalRequested& asked, const std::string& who) {
  const auto& may = asked.approvers;
  return may.empty() || std::find(may.begin(), may.end(), who) != may.end();
}

bool would_count(const ApprovalState& approval, const std::string& who, bool approved) {
  return may_answer(approval.asked, who) && !(approved && approval.given.contains(who));
}

std::vector<Event> decide(const RunState& state, const Input& input) {
  if (is_terminal(state)) return {};
  if (state.status == RunStatus::created && !std::holds_alternative<Start>(input.what)) return {};
  return std::visit(Decision(state, input), input.what);
}

std::vector<Event> step(RunState& state, const Input& input) {
  auto facts = decide(state, input);
  for (const auto& fact : facts) evolve(state, fact, input.at);
  // A recovered run may have something to do even if nothing of it was in flight.
  while (state.status != RunStatus::created) {
    auto more = advance(state);
    if (more.empty()) break;
    for (auto& fact : more) {
      evolve(state, fact, input.at);
      facts.push_back(std::move(fact));
    }
  }
  return facts;
}

}  // namespace hillstar::run
