// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/replay_check.hpp"

#include <algorithm>
#include <utility>

#include "messages/json_codec.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/units.hpp"

namespace hillstar::run {
namespace {

/// The unit whose attempt the event ends, if it is an event of that sort.
template <class T>
std::optional<std::optional<std::uint32_t>> attempt_end(const T& event) {
  if constexpr (std::is_same_v<T, MapExpanded>)
    return std::optional<std::uint32_t>();
  else if constexpr (std::is_same_v<T, NodeCompleted> || std::is_same_v<T, NodeAttemptFailed> ||
                     std::is_same_v<T, NodeAttemptLost> || std::is_same_v<T, NodeCancelled>)
    return event.item;
  else
    return std::nullopt;
}

std::string words(const Failure& failure) { return "failed: " + std::string(json::enum_name(failure.kind)); }

/// An end that follows from the state alone, in words that are equal if the ends are; empty for other events.
std::string derived_end(const RunState& state, const Event& event) {
  if (const auto* completed = std::get_if<NodeCompleted>(&event)) {
    const auto& node = state.plan->nodes[index_of_node(state, completed->node)];
    return node.map && !completed->item ? completed->node.str() + " completed" : std::string();
  }
  if (const auto* failed = std::get_if<NodeFailed>(&event))
    return unit_name(failed->node, failed->item) + " " + words(failed->failure);
  if (const auto* skipped = std::get_if<NodeSkipped>(&event))
    return skipped->node.str() + " skipped: " + std::string(json::enum_name(skipped->reason));
  if (const auto* exhausted = std::get_if<LoopExhausted>(&event)) return "loop " + exhausted->loop + " exhausted";
  if (std::holds_alternative<RunCompleted>(event)) return "the run completed";
  if (const auto* failed = std::get_if<RunFailed>(&event)) return "the run " + words(failed->failure);
  if (std::holds_alternative<RunCancelled>(event)) return "the run cancelled";
  return {};
}

/// It follows from the state; the others tell what happened.
bool is_derived(const RunState& state, const Event& event) {
  if (const auto* paused = std::get_if<RunPaused>(&event)) return paused->node.has_value();
  return std::holds_alternative<NodeScheduled>(event) || std::holds_alternative<CheckpointReached>(event) ||
         std::holds_alternative<ApprovalRequested>(event) || std::holds_alternative<BudgetExhausted>(event) ||
         !derived_end(state, event).empty();
}

/// Events of one step that come from its input, not from the state: nothing is derived between them.
bool go_together(const Event& a, const Event& b) {
  if (std::holds_alternative<NodeInherited>(b) || std::holds_alternative<ConnectionAttempted>(a)) return true;
  // A change of the run's state goes before the end that made it, or behind what a fork takes over.
  if (std::holds_alternative<StateChanged>(a)) return std::holds_alternative<NodeCompleted>(b);
  if (const auto* change = std::get_if<StateChanged>(&b)) return !change->node;
  if (std::holds_alternative<NodeCancelled>(a) || std::holds_alternative<BudgetExhausted>(a))
    return std::holds_alternative<BudgetExhausted>(b) || std::holds_alternative<RunPaused>(b);
  return std::holds_alternative<NodeAttemptLost>(a) && std::holds_alternative<NodeAttemptLost>(b);
}

/// What an end means, without its result: for comparison and for people.
struct EndWords {
  std::string operator()(const NodeCompleted& event) const {
    std::string tests;
    for (const bool passed : event.tests) tests += passed ? '1' : '0';
    return "completed" + (tests.empty() ? "" : ", tests " + tests);
  }
  std::string operator()(const NodeAttemptFailed& event) const {
    std::string text = words(event.failure);
    if (event.retry_at) text += ", to be tried again";
    if (event.repair) text += ", to be mended";
    if (event.next_candidate) text += ", next candidate " + std::to_string(*event.next_candidate);
    return text;
  }
  std::string operator()(const MapExpanded& event) const { return "a list of " + std::to_string(event.count); }
  std::string operator()(const NodeAttemptLost&) const { return "lost"; }
  std::string operator()(const NodeCancelled&) const { return "cancelled"; }
  template <class Other>
  std::string operator()(const Other&) const {
    return "no end";
  }
};

const Value* result_in(const Event& event) {
  if (const auto* completed = std::get_if<NodeCompleted>(&event)) return &completed->result;
  if (const auto* failed = std::get_if<NodeAttemptFailed>(&event)) return &failed->result;
  if (const auto* expanded = std::get_if<MapExpanded>(&event)) return &expanded->items;
  return nullptr;
}

}  // namespace

std::string unit_name(const NodeId& node, std::optional<std::uint32_t> item) {
  return item ? node.str() + "[" + std::to_string(*item) + "]" : node.str();
}

ReplayCheck::ReplayCheck(RunState state, const std::vector<Recorded>& history)
    : state_(std::move(state)), history_(history) {}

std::optional<ReplayCheck::Ended> ReplayCheck::next() {
  if (handed_out_) fold();
  for (; next_ < history_.size(); fold()) {
    const auto& event = history_[next_].event;
    const auto item = std::visit([](const auto& what) { return attempt_end(what); }, event);
    if (!item) continue;
    const auto found = in_flight_.find({index_of_node(state_, *node_of(event)), *item});
    if (found == in_flight_.end()) continue;  // a map as a whole
    handed_out_ = true;
    Ended ended{std::move(found->second), &history_[next_]};
    in_flight_.erase(found);
    return ended;
  }
  for (const auto& end : std::exchange(expected_, {})) add({{}, 0, DifferenceKind::end, "not recorded", end});
  return std::nullopt;
}

void ReplayCheck::fold() {
  handed_out_ = false;
  const auto& [seq, at, event] = history_[next_++];
  const bool follows = is_derived(state_, event);
  if (const auto end = derived_end(state_, event); !end.empty() && expected_.erase(end) == 0) {
    // Something else may have been recorded than was foreseen, and this may follow from that.
    foresee();
    if (expected_.erase(end) == 0) add({{}, 0, DifferenceKind::end, end, "does not follow"});
  }
  evolve(state_, event, at);
  if (const auto* scheduled = std::get_if<NodeScheduled>(&event)) {
    const auto node = index_of_node(state_, scheduled->node);
    for (auto& command : commands_of(state_, event))
      if (auto* execute = std::get_if<ExecuteNode>(&command))
        in_flight_.insert_or_assign({node, scheduled->item}, std::move(*execute));
  }
  if (follows && foreseen_ > 1) {
    --foreseen_;
  } else if (next_ == history_.size() || !go_together(event, history_[next_].event)) {
    foresee();
  }
}

/// What follows from the state is recorded right behind the event that it follows from.
void ReplayCheck::foresee() {
  const auto facts = advance(state_);
  foreseen_ = facts.size();
  for (const auto& fact : facts)
    if (auto end = derived_end(state_, fact); !end.empty()) expected_.insert(std::move(end));
}

void ReplayCheck::compare(const NodeOutcome& outcome) {
  const auto& [seq, at, event] = history_[next_];
  const auto facts = decide(state_, std::visit([&](const auto& what) { return Input{at, 0, what}; }, outcome));
  const auto end = std::find_if(facts.begin(), facts.end(),
                                [](const Event& fact) { return !std::holds_alternative<ConnectionAttempted>(fact); });
  const Event now = end == facts.end() ? Event{RunResumed{}} : *end;
  const auto recorded_words = std::visit(EndWords{}, event);
  const auto words_now = std::visit(EndWords{}, now);
  if (recorded_words != words_now) report(DifferenceKind::end, recorded_words, words_now);
  const auto* recorded_result = result_in(event);
  const auto* result_now = result_in(now);
  if (recorded_result == nullptr || result_now == nullptr || *recorded_result == *result_now) return;
  report(DifferenceKind::result, json::to_text(*recorded_result), json::to_text(*result_now));
}

void ReplayCheck::report(DifferenceKind kind, std::string recorded, std::string now) {
  const auto& event = history_[next_].event;
  std::visit(
      [&](const auto& what) {
        if constexpr (requires {
                        what.item;
                        what.attempt;
                      })
          add({unit_name(what.node, what.item), what.attempt, kind, std::move(recorded), std::move(now)});
        else if constexpr (requires {
                             what.node;
                             what.attempt;
                           })
          add({what.node.str(), what.attempt, kind, std::move(recorded), std::move(now)});
      },
      event);
}

void ReplayCheck::add(Difference difference) {
  ++count_;
  if (differences_.size() < kDifferencesMax) differences_.push_back(std::move(difference));
}

}  // namespace hillstar::run
