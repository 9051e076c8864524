// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/world.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "messages/json_codec.hpp"
#include "runtime/policy/data_guard.hpp"
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
    : dice_(seed), odds_(odds), state_(initial(std::move(plan))) {
  if (chance(700)) state_.routes = random_routes(dice_, state_.nodes.size());
}

void World::classify(std::shared_ptr<const policy::Routes> routes) {
  static const std::string kWorkspace = "/w";
  state_.routes = std::move(routes);
  auto guard = policy::guard_of({*state_.plan, *state_.routes, policy::default_rules().data, kWorkspace});
  if (!guard) fail(to_string(guard.error()));
  state_.guard = *std::move(guard);
  const auto rank = [](const std::string& name) { return *policy::rank_of(policy::default_rules().data, name); };
  for (const auto& node : state_.plan->nodes) {
    std::size_t highest = node.data ? rank(*node.data) : 0;
    for (const auto before : node.predecessors) highest = std::max(highest, classes_[before]);
    if (node.stands_for) highest = std::max(highest, classes_[*node.stands_for]);
    classes_.push_back(highest);
  }
}

/// Nothing but what is public goes to a place elsewhere, unless enough different people let it.
void World::check_data(const Event& event) {
  if (classes_.empty()) return;
  if (const auto* answered = std::get_if<ApprovalAnswered>(&event)) {
    const auto node = index_of_node(state_, answered->node);
    auto& given = given_[node];
    if (answered->approved && !given.insert(answered->who).second) fail("somebody's approval counts twice");
    if (answered->approved && given.size() >= state_.plan->nodes[node].approvals.value_or(1)) released_.insert(node);
    return;
  }
  const auto* scheduled = std::get_if<NodeScheduled>(&event);
  if (scheduled == nullptr) return;
  const auto node = index_of_node(state_, scheduled->node);
  const auto& planned = state_.plan->nodes[node];
  if (planned.approvals && planned.asks_release && state_.guard && state_.guard->first_leak(node) != nullptr &&
      !released_.contains(node))
    fail("'" + planned.id.str() + "' was scheduled before enough people approved it");
  if (planned.tool != "model_call" || released_.contains(node)) return;
  std::size_t gets = 0;
  for (const auto before : planned.predecessors) gets = std::max(gets, classes_[before]);
  if (planned.stands_for) gets = std::max(gets, classes_[*planned.stands_for]);
  const auto& places = state_.routes->of(node);
  const bool near = !places.empty() && scheduled->call && places[scheduled->call->candidate].near;
  const bool lists = planned.map && !scheduled->item;
  if (gets > 0 && !near && !lists) fail("data of class " + std::to_string(gets) + " left for a cloud unasked");
}

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
  if (const auto due = next_deadline(state_); due && due->micros <= now_ && chance(500))
    return tell({UtcTime{now_}, 0, DeadlineReached{}});
  if (chance(100) && talk(false)) return;
  if (chance(100) && !scheduled_.empty()) return miss_place();
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
    // One person may answer again and again: nobody counts twice, and the node waits on.
    approvals_.insert(node);
    const auto who = "person " + std::to_string(roll(3));
    const auto yes = chance(800);
    tell({UtcTime{now_}, 0, ApprovalGiven{node, yes, who, "why"}});
    if (state_.nodes[node].status != NodeStatus::held) approvals_.erase(node);
    return;
  }
  if (!executing_.empty()) return answer();
  if (state_.talking > 0 && chance(700) && talk(true)) return;
  if (!state_.lost.empty()) {
    const auto unit = *state_.lost.begin();
    return tell({UtcTime{now_}, 0,
                 Resolved{unit.node, unit.item, chance(700) ? Settlement::run_again : Settlement::failed, "test", ""}});
  }
  if (state_.status == RunStatus::paused) {
    ResumeAsked resume{"test"};
    const auto& budget = state_.plan->budget;
    if (budget && budget->run && chance(600)) resume.budget = raised_.value_or(*budget->run) + MicroUsd{roll(100'000)};
    return tell({UtcTime{now_}, 0, resume});
  }
}

void World::answer() {
  auto at = executing_.begin();
  std::advance(at, roll(static_cast<unsigned>(executing_.size())));
  const auto [attempt, lists] = *at;
  executing_.erase(at);
  const bool cancelled = cancelling_.erase(attempt) > 0 && chance(700);
  const auto ref = ref_of(attempt);
  auto input = cancelled ? Input{UtcTime{now_}, 0, AttemptCancelled{ref, chance(300)}} : answer_of(ref, lists);
  if (chance(200)) late_.push_back(input);
  tell(std::move(input));
}

/// Of any attempt that there was, also of one that has long ended: nothing follows from it, and it is said only of one
/// that is under way.
void World::miss_place() {
  auto at = scheduled_.begin();
  std::advance(at, roll(static_cast<unsigned>(scheduled_.size())));
  const auto events = history_.size();
  const auto crashes = crashes_;
  const bool runs = executing_.contains(*at);
  const auto ref = ref_of(*at);
  tell({UtcTime{now_}, 0, PlaceMissing{ref, "no worker is there"}});
  if (crashes_ != crashes) return;
  if (history_.size() > events + 1 || (history_.size() > events && !runs))
    fail("something follows from what has no place");
  if (history_.size() > events && !std::holds_alternative<NodeWaitsForPlace>(history_.back().event))
    fail("a missing place is recorded as something else");
}

/// Never more than was reserved.
Usage World::usage_of(const AttemptRef& ref) {
  Usage usage;
  const auto held = held_.find(key(ref));
  if (held == held_.end() || chance(100)) return usage;  // a server that counts nothing
  usage.input_tokens = 1 + roll(1000);
  usage.cost = {static_cast<std::int64_t>(roll(static_cast<unsigned>(held->second.count) + 1))};
  return usage;
}

Input World::answer_of(const AttemptRef& ref, bool lists) {
  Input input{UtcTime{now_}, roll(1'000'000), AttemptLost{ref}};
  const bool calls = held_.contains(key(ref));
  if (calls && chance(30)) {
    input.what = BudgetRefused{ref, chance(500) ? BudgetScope::workflow : BudgetScope::day, {1}, {1}, {1}};
  } else if (chance(odds_.fail)) {
    static constexpr FailureClass kKinds[] = {FailureClass::network, FailureClass::exit_code,
                                              FailureClass::auth,    FailureClass::schema_mismatch,
                                              FailureClass::quota,   FailureClass::server};
    AttemptFailed failed{ref, {kKinds[roll(6)], "failed", std::nullopt}, {}, std::nullopt};
    if (calls && chance(500)) failed.usage = usage_of(ref);
    if (calls && chance(700)) failed.detail = Json::from_canonical("{}");
    input.what = std::move(failed);
  } else if (lists) {
    const auto count = roll(6);
    input.what = ItemsListed{ref, count, {{}, Json::from_canonical("[]")}, roll(100)};
  } else if (!chance(odds_.lose)) {
    std::vector<bool> tests;
    for (std::size_t i = 0; i < state_.plan->nodes[ref.node].tests.size(); ++i) tests.push_back(chance(400));
    Value result{{}, Json::from_canonical(R"({"output":")" + std::to_string(roll(100)) + R"("})")};
    input.what = AttemptSucceeded{ref, std::move(result), std::move(tests), std::nullopt, std::nullopt};
    if (calls) std::get<AttemptSucceeded>(input.what).usage = usage_of(ref);
    // Some ask the run's own state: their results and tests follow from it.
    if (!calls && chance(150)) std::get<AttemptSucceeded>(input.what).state = state_request();
  }
  return input;
}

StateRequest World::state_request() {
  static constexpr std::array kOps = {StateOp::get, StateOp::put, StateOp::cas, StateOp::add, StateOp::remove};
  StateOperation operation;
  operation.op = kOps[roll(kOps.size())];
  operation.key = std::string(1, static_cast<char>('a' + roll(3)));
  operation.value = roll(3) == 0 ? Json::string("text") : Json::from_canonical(std::to_string(roll(9)));
  operation.by = Json::from_canonical("1");
  if (operation.op == StateOp::cas || roll(3) == 0) operation.expected_version = roll(4);
  return {StateScope::run, operation.op, {operation}, roll(2) == 0 ? OnConflict::fail : OnConflict::result, false};
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
  check_money(event);
  check_data(event);
  check_talk(event);
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
    auto& count = failed_[{node, item_of(failed->item)}];
    if (failed->next_candidate)
      count = 0;
    else if (!failed->repair && ++count > planned.retry.attempts)
      fail("a unit has more attempts than its policy");
    if (failed->next_candidate && *failed->next_candidate >= state_.routes->of(node).size())
      fail("a unit goes to a place that it does not have");
  }
}

/// Sums of its own: at no event is more spent and reserved than the budgets allow.
void World::check_money(const Event& event) {
  const auto& budget = state_.plan->budget;
  const auto end = [&](const auto& ended, MicroUsd cost) {
    const auto node = index_of_node(state_, ended.node);
    if (held_.erase(key({node, ended.item, ended.attempt})) == 0) return;
    spent_ += cost;
    spent_by_[{node, item_of(ended.item)}] += cost;
  };
  const auto whole = [&](const auto& ended) {
    const auto held = held_.find(key({index_of_node(state_, ended.node), ended.item, ended.attempt}));
    return held == held_.end() ? MicroUsd{} : held->second;
  };
  if (const auto* resumed = std::get_if<RunResumed>(&event)) {
    if (resumed->budget) raised_ = resumed->budget;
  } else if (const auto* scheduled = std::get_if<NodeScheduled>(&event)) {
    if (scheduled->call)
      held_[key({index_of_node(state_, scheduled->node), scheduled->item, scheduled->attempt})] = scheduled->call->cost;
  } else if (const auto* completed = std::get_if<NodeCompleted>(&event)) {
    const bool told = completed->usage && completed->usage->input_tokens > 0;
    end(*completed, told ? completed->usage->cost : whole(*completed));
  } else if (const auto* failed = std::get_if<NodeAttemptFailed>(&event)) {
    const auto kind = failed->failure.kind;
    const bool refused = kind == FailureClass::auth || kind == FailureClass::quota;
    const bool told = failed->usage && failed->usage->input_tokens > 0;
    end(*failed, told ? failed->usage->cost : failed->detail && !refused ? whole(*failed) : MicroUsd{});
  } else if (const auto* lost = std::get_if<NodeAttemptLost>(&event)) {
    end(*lost, whole(*lost));
  } else if (const auto* cancelled = std::get_if<NodeCancelled>(&event)) {
    end(*cancelled, cancelled->unsent ? MicroUsd{} : whole(*cancelled));
  }
  if (!budget) return;
  MicroUsd held;
  for (const auto& [attempt, cost] : held_) held += cost;
  if (const auto limit = raised_ ? raised_ : budget->run; limit && budget->run && spent_ + held > *limit)
    fail("more is spent and reserved than the run may cost");
  if (!budget->node) return;
  for (const auto& [attempt, cost] : held_)
    if (spent_by_[{std::get<0>(attempt), std::get<1>(attempt)}] + cost > *budget->node)
      fail("more is spent and reserved than a node may cost");
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
  auto fresh = initial(state_.plan);
  fresh.routes = state_.routes;
  fresh.guard = state_.guard;
  auto folded = replay(std::move(fresh), history_);
  if (run::to_text(folded) != run::to_text(state_))
    fail("the replayed state differs from the live one:\n" + run::to_text(folded));
  state_ = std::move(folded);
  std::set<Attempt> elsewhere;
  each_elsewhere(state_, [&](const AttemptRef& ref) { elsewhere.insert(key(ref)); });
  const Input recovered{UtcTime{now_}, 0, Recovered{}};
  for (const auto& fact : step(state_, recovered)) {
    history_.push_back({history_.size() + 1, recovered.at, fact});
    check_fact(fact);
  }
  // What another machine makes has survived: nobody but that machine ends it.
  survived_ += elsewhere.size();
  std::set<Attempt> left;
  each_elsewhere(state_, [&](const AttemptRef& ref) { left.insert(key(ref)); });
  if (!is_terminal(state_) && !is_stopping(state_))
    for (const auto& attempt : elsewhere)
      if (!left.contains(attempt)) fail("an attempt elsewhere ended with the process of its run");
  issue(outstanding(state_));
  check();
}

}  // namespace hillstar::simulation
