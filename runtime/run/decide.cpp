// SPDX-License-Identifier: Apache-2.0
// Input -> facts about what just happened. Whatever is stale, repeated or late becomes nothing.
#include <utility>

#include "runtime/policy/retry.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/units.hpp"

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
    return facts;
  }

  Facts operator()(const AttemptSucceeded& in) {
    const auto* unit = current(in.ref);
    if (unit == nullptr || unit->status != NodeStatus::running) return {};
    return {NodeCompleted{id(in.ref.node), in.ref.item, in.ref.attempt, in.result, in.tests, in.usage, in.detail}};
  }

  Facts operator()(const ItemsListed& in) {
    const auto* unit = current(in.ref);
    if (unit == nullptr || unit->status != NodeStatus::expanding) return {};
    return {MapExpanded{id(in.ref.node), in.ref.attempt, in.count, in.items}};
  }

  Facts operator()(const AttemptFailed& in) {
    const auto* unit = current(in.ref);
    if (unit == nullptr) return {};
    std::optional<UtcTime> retry_at;
    if (state_.status == RunStatus::running || state_.status == RunStatus::paused)
      if (const auto delay = policy::next_delay(state_.plan->nodes[in.ref.node].retry, unit->counted + 1, in.failure,
                                                input_.chance_ppm))
        retry_at = input_.at + *delay;
    return {NodeAttemptFailed{id(in.ref.node), in.ref.item, in.ref.attempt, in.failure, in.result, retry_at, in.usage,
                              in.detail}};
  }

  Facts operator()(const AttemptLost& in) { return current(in.ref) == nullptr ? Facts{} : Facts{lost(in.ref)}; }

  Facts operator()(const AttemptCancelled& in) {
    if (current(in.ref) == nullptr) return {};
    // Nobody asked for it: whoever stopped the attempt, the run did not see its end.
    if (state_.status != RunStatus::cancelling && !state_.interrupted) return {lost(in.ref)};
    return {NodeCancelled{id(in.ref.node), in.ref.item, in.ref.attempt}};
  }

  Facts operator()(const RetryDue& in) {
    const auto* unit = find_unit(state_, in.ref.node, in.ref.item);
    if (unit == nullptr || unit->status != NodeStatus::retrying || unit->attempt != in.ref.attempt) return {};
    return {NodeRetryDue{id(in.ref.node), in.ref.item, in.ref.attempt}};
  }

  Facts operator()(const ApprovalGiven& in) {
    const auto* unit = find_unit(state_, in.node, std::nullopt);
    if (unit == nullptr || unit->status != NodeStatus::held) return {};
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
    return {RunResumed{in.who}};
  }

  Facts operator()(const CancelAsked& in) {
    if (state_.status == RunStatus::cancelling) return {};
    return {CancelRequested{in.who, in.reason}};
  }

  Facts operator()(const Resolved& in) {
    const auto* unit = find_unit(state_, in.node, in.item);
    if (unit == nullptr || unit->status != NodeStatus::lost) return {};
    return {NodeResolved{id(in.node), in.item, unit->attempt, in.settlement, in.who, in.reason}};
  }

  Facts operator()(const Recovered&) {
    Facts facts;
    if (state_.running == 0) return facts;
    for (NodeIndex i = 0; i < state_.nodes.size(); ++i) {
      const auto& node = state_.nodes[i];
      if (is_in_flight(node)) facts.emplace_back(lost({i, std::nullopt, node.attempt}));
      if (!node.map) continue;
      for (std::uint32_t item = 0; item < node.map->next; ++item)
        if (is_in_flight(node.map->units[item])) facts.emplace_back(lost({i, item, node.map->units[item].attempt}));
    }
    return facts;
  }

 private:
  [[nodiscard]] NodeId id(NodeIndex i) const { return state_.plan->nodes[i].id; }
  [[nodiscard]] NodeAttemptLost lost(const AttemptRef& ref) const { return {id(ref.node), ref.item, ref.attempt}; }

  /// The unit, if this very attempt of it is in flight.
  [[nodiscard]] const UnitState* current(const AttemptRef& ref) const {
    const auto* unit = find_unit(state_, ref.node, ref.item);
    return unit != nullptr && is_in_flight(*unit) && unit->attempt == ref.attempt ? unit : nullptr;
  }

  const RunState& state_;
  const Input& input_;
};

}  // namespace

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
