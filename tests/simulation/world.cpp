// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/world.hpp"

#include <algorithm>
#include <utility>

#include "messages/json_codec.hpp"
#include "runtime/run/invariants.hpp"
#include "runtime/run/units.hpp"
#include "runtime/run/view.hpp"

namespace hillstar::simulation {

using namespace run;

namespace {
constexpr std::size_t kTurnsMax = 200'000;
std::int64_t item_of(std::optional<std::uint32_t> item) { return item ? std::int64_t{*item} : -1; }
AttemptRef ref_of(const std::tuple<NodeIndex, std::int64_t, std::uint32_t>& key) {
  const auto [node, item, attempt] = key;
  return {node, item < 0 ? std::nullopt : std::optional(static_cast<std::uint32_t>(item)), attempt};
}
}  // namespace

World::World(std::shared_ptr<const workflow::Plan> plan, std::uint64_t seed, Odds odds)
    : dice_(seed), odds_(odds), state_(initial(std::move(plan))) {}

void World::fail(const std::string& sentence) const {
  std::string story = sentence + "\n";
  for (const auto& recorded : history_)
    story += std::to_string(recorded.seq) + " " + std::string(type_name(recorded.event)) + " " +
             std::visit([](const auto& event) { return json::to_text(event); }, recorded.event) + "\n";
  throw story + run::to_text(state_);
}

void World::run() {
  RunStarted started;
  started.workflow = state_.plan->workflow;
  tell({UtcTime{now_}, 0, Start{started, {}}});
  while (!is_terminal(state_)) {
    if (++turns_ > kTurnsMax) fail("the run does not end");
    turn();
  }
  check_end();
}

void World::turn() {
  now_ += roll(1000) + 1;
  if (chance(odds_.crash)) return crash();
  if (chance(odds_.pause)) return tell({UtcTime{now_}, 0, PauseAsked{"test", chance(500)}});
  if (chance(odds_.cancel)) return tell({UtcTime{now_}, 0, CancelAsked{"test", "test"}});
  if (!late_.empty() && chance(100)) {
    auto input = late_[roll(static_cast<unsigned>(late_.size()))];
    return tell(std::move(input));
  }
  const auto choice = roll(3);
  if (choice == 0 && !timers_.empty()) {
    const auto due = timers_.begin()->first;
    timers_.erase(timers_.begin());
    if (chance(300)) late_.push_back({UtcTime{now_}, 0, RetryDue{ref_of(due)}});
    return tell({UtcTime{now_}, 0, RetryDue{ref_of(due)}});
  }
  if (choice == 1 && !approvals_.empty()) {
    const auto node = *approvals_.begin();
    approvals_.erase(approvals_.begin());
    return tell({UtcTime{now_}, 0, ApprovalGiven{node, chance(800), "test", "why"}});
  }
  if (!executing_.empty()) return answer();
  if (!state_.lost.empty()) {
    const auto unit = *state_.lost.begin();
    return tell({UtcTime{now_}, 0,
                 Resolved{unit.node, unit.item, chance(700) ? Settlement::run_again : Settlement::failed, "test", ""}});
  }
  if (state_.status == RunStatus::paused) return tell({UtcTime{now_}, 0, ResumeAsked{"test"}});
}

void World::answer() {
  auto at = executing_.begin();
  std::advance(at, roll(static_cast<unsigned>(executing_.size())));
  const auto [attempt, lists] = *at;
  executing_.erase(at);
  const bool cancelled = cancelling_.erase(attempt) > 0 && chance(700);
  const auto ref = ref_of(attempt);
  Input input{UtcTime{now_}, roll(1'000'000), AttemptLost{ref}};
  if (cancelled) {
    input.what = AttemptCancelled{ref};
  } else if (chance(odds_.fail)) {
    static constexpr FailureClass kKinds[] = {FailureClass::network, FailureClass::exit_code, FailureClass::auth};
    input.what = AttemptFailed{ref, {kKinds[roll(3)], "failed", std::nullopt}, {}, std::nullopt};
  } else if (lists) {
    const auto count = roll(6);
    input.what = ItemsListed{ref, count, {{}, Json::from_canonical("[]")}};
  } else if (!chance(odds_.lose)) {
    std::vector<bool> tests;
    for (std::size_t i = 0; i < state_.plan->nodes[ref.node].tests.size(); ++i) tests.push_back(chance(400));
    Value result{{}, Json::from_canonical(R"({"output":")" + std::to_string(roll(100)) + R"("})")};
    input.what = AttemptSucceeded{ref, std::move(result), std::move(tests), std::nullopt, std::nullopt};
  }
  if (chance(200)) late_.push_back(input);
  tell(std::move(input));
}

void World::tell(Input input) {
  const auto before = state_.version;
  const auto facts = step(state_, input);
  for (const auto& fact : facts) {
    history_.push_back({history_.size() + 1, input.at, fact});
    check_fact(fact);
  }
  if (state_.version != before + facts.size()) fail("version counts the events");
  // The batch is durable here; a crash may come before its commands are issued.
  if (chance(odds_.crash)) return crash();
  for (const auto& fact : facts) issue(commands_of(state_, fact));
  check();
}

void World::issue(const std::vector<Command>& commands) {
  for (const auto& command : commands) {
    if (const auto* execute = std::get_if<ExecuteNode>(&command)) {
      if (!scheduled_.contains(key(execute->ref))) fail("an attempt is executed that was never scheduled");
      if (!executing_.emplace(key(execute->ref), execute->lists_items).second) fail("an attempt is executed twice");
    } else if (const auto* cancel = std::get_if<CancelNode>(&command)) {
      cancelling_.insert(key(cancel->ref));
    } else if (const auto* timer = std::get_if<ArmTimer>(&command)) {
      timers_[key(timer->ref)] = timer->due;
    } else if (const auto* ask = std::get_if<AskApproval>(&command)) {
      approvals_.insert(ask->node);
    }
  }
}

void World::check_fact(const Event& event) {
  const auto* id = node_of(event);
  if (id == nullptr) return;
  const auto node = index_of_node(state_, *id);
  const auto& planned = state_.plan->nodes[node];
  if (const auto* scheduled = std::get_if<NodeScheduled>(&event)) {
    const Unit unit{node, item_of(scheduled->item)};
    if (!scheduled_.insert(key({node, scheduled->item, scheduled->attempt})).second)
      fail("an attempt is scheduled twice");
    if (completed_.contains(unit)) fail("a completed unit is scheduled again");
    if (unsettled_.contains(unit)) fail("a lost attempt with effect `once` is repeated unasked");
  } else if (const auto* completed = std::get_if<NodeCompleted>(&event)) {
    if (!completed_.insert({node, item_of(completed->item)}).second) fail("a unit completes twice");
  } else if (const auto* lost = std::get_if<NodeAttemptLost>(&event)) {
    const Unit unit{node, item_of(lost->item)};
    if (++lost_[unit] > kLostMax) fail("a unit loses more attempts than the limit");
    const bool listing = planned.map && !lost->item;
    if (planned.effect == workflow::Effect::once && !listing) unsettled_.insert(unit);
  } else if (const auto* resolved = std::get_if<NodeResolved>(&event)) {
    unsettled_.erase({node, item_of(resolved->item)});
  } else if (const auto* failed = std::get_if<NodeAttemptFailed>(&event)) {
    if (++failed_[{node, item_of(failed->item)}] > planned.retry.attempts)
      fail("a unit has more attempts than its policy");
  }
}

/// What must be true of a run that came to its end by itself.
void World::check_end() {
  if (state_.status != RunStatus::completed) return;
  for (const auto& node : state_.plan->nodes) {
    const auto i = index_of_node(state_, node.id);
    if (state_.nodes[i].status != NodeStatus::failed) continue;
    if (node.on_error == workflow::OnError::fail) fail("a run completes although a node failed that must not");
    if (node.on_error != workflow::OnError::skip_dependents) continue;
    for (const auto next : node.successors)
      if (state_.nodes[next].status != NodeStatus::skipped) fail("a dependent of a failed node is not skipped");
  }
}

void World::check() {
  for (const auto& sentence : violations(state_, true)) fail(sentence);
  std::set<Attempt> owed;
  std::set<Attempt> timed;
  std::set<NodeIndex> asked;
  for (const auto& command : outstanding(state_)) {
    if (const auto* execute = std::get_if<ExecuteNode>(&command)) owed.insert(key(execute->ref));
    if (const auto* timer = std::get_if<ArmTimer>(&command)) timed.insert(key(timer->ref));
    if (const auto* ask = std::get_if<AskApproval>(&command)) asked.insert(ask->node);
  }
  std::set<Attempt> issued;
  for (const auto& [attempt, lists] : executing_) issued.insert(attempt);
  if (is_terminal(state_)) return;
  if (owed != issued) fail("outstanding executions are the issued ones less the answered ones");
  std::erase_if(timers_,
                [&](const auto& timer) { return !timed.contains(timer.first) && state_.status != RunStatus::running; });
  for (const auto& timer : timed)
    if (!timers_.contains(timer)) fail("a unit waits for a timer that nobody armed");
  for (const auto node : asked)
    if (!approvals_.contains(node)) fail("a node waits for an approval that nobody asked");
}

void World::crash() {
  ++crashes_;
  executing_.clear();
  cancelling_.clear();
  timers_.clear();
  approvals_.clear();
  auto folded = replay(state_.plan, history_);
  if (run::to_text(folded) != run::to_text(state_))
    fail("the replayed state differs from the live one:\n" + run::to_text(folded));
  state_ = std::move(folded);
  const Input recovered{UtcTime{now_}, 0, Recovered{}};
  for (const auto& fact : step(state_, recovered)) {
    history_.push_back({history_.size() + 1, recovered.at, fact});
    check_fact(fact);
  }
  issue(outstanding(state_));
  check();
}

}  // namespace hillstar::simulation
