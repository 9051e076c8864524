// SPDX-License-Identifier: Apache-2.0
// Nodes whose attempts are runs: which run, what holds it, what it costs, and what its end means.
#include "runtime/run/child.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <map>
#include <random>
#include <set>

#include "runtime/run/invariants.hpp"
#include "tests/support/plans.hpp"

using namespace hillstar;
using namespace hillstar::testing;

namespace {

PlanBuilder runs(std::string_view names) {
  PlanBuilder builder(names);
  for (const char name : names) {
    builder[name].tool = "workflow_run";
    builder[name].parameters = Json::from_canonical(R"({"workflow":"sub.json"})");
  }
  return builder;
}

template <class T>
std::vector<T> commands_after(Told& told, const std::vector<Event>& facts) {
  std::vector<T> found;
  for (const auto& fact : facts)
    for (auto& command : run::commands_of(told.state, fact))
      if (auto* one = std::get_if<T>(&command)) found.push_back(std::move(*one));
  return found;
}

template <class What>
std::vector<Event> facts_of(Told& told, What what) {
  const auto before = told.facts.size();
  told.tell(std::move(what));
  return {told.facts.begin() + static_cast<std::ptrdiff_t>(before), told.facts.end()};
}

template <class T>
std::vector<T> owed(const Told& told) {
  std::vector<T> found;
  for (auto& command : run::outstanding(told.state))
    if (auto* one = std::get_if<T>(&command)) found.push_back(std::move(*one));
  return found;
}

Usage cost(std::int64_t micros) { return {1, 1, {}, {}, MicroUsd{micros}}; }

AttemptSucceeded success(const Told& told, std::string_view node, std::int64_t micros, std::uint32_t attempt = 1) {
  return {told.ref(node, attempt), Told::output("x"), {}, cost(micros), Json::from_canonical("{}")};
}

workflow::Budget run_budget(std::int64_t micros) {
  workflow::Budget budget;
  budget.run = MicroUsd{micros};
  return budget;
}

}  // namespace

TEST_CASE("child: nodes that wait for runs take no turn") {
  Told told(runs("abc").width(1).plan());
  told.start();
  CHECK(told.state.running == 3);
  CHECK(told.state.children == 3);
  CHECK(run::violations(told.state, true).empty());
}

TEST_CASE("child: a crash leaves the attempt in flight, and it is asked for again") {
  Told told(runs("a").plan());
  told.start();
  CHECK(told.tell(Recovered{}).empty());
  const auto again = owed<ExecuteNode>(told);
  REQUIRE(again.size() == 1);
  CHECK(again[0].ref == told.ref("a"));
  CHECK(again[0].failed == 0);
  CHECK(told.tell(success(told, "a", 1)).back() == "run_completed");
}

TEST_CASE("child: an attempt whose node died is made again as the same run, however often") {
  Told told(runs("a").plan());
  told.start();
  for (std::uint32_t attempt = 1; attempt < 20; ++attempt) {
    const auto facts = facts_of(told, AttemptLost{told.ref("a", attempt)});
    const auto commands = commands_after<ExecuteNode>(told, facts);
    REQUIRE(commands.size() == 1);
    CHECK(commands[0].ref.attempt == attempt + 1);
    CHECK(commands[0].failed == 0);
  }
}

TEST_CASE("child: another attempt after a failure is another run") {
  auto builder = runs("a");
  builder['a'].retry.attempts = 2;
  Told told(builder.plan());
  told.start();
  told.fail("a", 1, FailureClass::child_failed);
  const auto facts = facts_of(told, RetryDue{told.ref("a", 1)});
  const auto commands = commands_after<ExecuteNode>(told, facts);
  REQUIRE(commands.size() == 1);
  CHECK(commands[0].failed == 1);
}

TEST_CASE("child: a pause holds the run, an interrupting one stops it, a cancellation cancels it") {
  Told told(runs("a").plan());
  told.start();
  auto held = commands_after<HoldNode>(told, facts_of(told, PauseAsked{"later", false}));
  REQUIRE(held.size() == 1);
  CHECK(held[0].held);
  CHECK(run::waits_for_person(told.state));
  CHECK(owed<HoldNode>(told).size() == 1);
  held = commands_after<HoldNode>(told, facts_of(told, ResumeAsked{"me"}));
  REQUIRE(held.size() == 1);
  CHECK(!held[0].held);
  auto stopped = commands_after<CancelNode>(told, facts_of(told, PauseAsked{"now", true}));
  REQUIRE(stopped.size() == 1);
  CHECK(stopped[0].why == Halt::pause);
  CHECK(owed<CancelNode>(told).at(0).why == Halt::pause);
  told.tell(AttemptCancelled{told.ref("a")});
  CHECK(run::open_children(told.state).size() == 1);
  const auto again = commands_after<ExecuteNode>(told, facts_of(told, ResumeAsked{"me"}));
  REQUIRE(again.size() == 1);
  CHECK(again[0].failed == 0);
  stopped = commands_after<CancelNode>(told, facts_of(told, CancelAsked{"me", "enough"}));
  REQUIRE(stopped.size() == 1);
  CHECK(stopped[0].why == Halt::cancel);
  CHECK(told.tell(AttemptCancelled{told.ref("a", 2), false, {}, {}, cost(7)}).back() == "run_cancelled");
  CHECK(told.state.spent.count == 7);
}

TEST_CASE("child: what a run costs is spent above, and known as below") {
  Told told(runs("ab").plan());
  told.start();
  auto in = success(told, "a", 100);
  in.detail = Json::from_canonical(R"({"unsettled_micros":11})");
  told.tell(std::move(in));
  CHECK(told.state.spent.count == 111);
  CHECK(told.state.usage.cost.count == 100);
  CHECK(told.state.below.cost.count == 100);
  const auto row = run::summarize(told.state, RunId("x"));
  CHECK(row.below_cost == MicroUsd{100});
  CHECK(row.unsettled == MicroUsd{11});
}

TEST_CASE("child: a run gets what is left of the budget, and the next one waits for what comes back") {
  Told told(runs("ab").budget(run_budget(1000)).plan());
  told.start();
  CHECK(told.status("a") == run::NodeStatus::running);
  CHECK(told.status("b") == run::NodeStatus::ready);
  CHECK(told.state.reserved.count == 1000);
  const auto commands = commands_after<ExecuteNode>(told, facts_of(told, success(told, "a", 300)));
  REQUIRE(commands.size() == 1);
  CHECK(commands[0].call->cost.count == 700);
  CHECK(told.state.spent.count == 300);
  CHECK(run::violations(told.state, true).empty());
}

TEST_CASE("child: those that say what they may cost run side by side") {
  auto builder = runs("ab");
  auto plan = *builder.budget(run_budget(1000)).plan();
  workflow::ChildWorkflow child;
  child.file = "sub.json";
  child.budget = MicroUsd{400};
  plan.children.push_back(child);
  Told told(std::make_shared<const workflow::Plan>(plan));
  told.start();
  CHECK(told.state.children == 2);
  CHECK(told.state.reserved.count == 800);
}

TEST_CASE("child: a run that was stopped keeps its money until it has ended") {
  Told told(runs("a").budget(run_budget(1000)).plan());
  told.start();
  told.tell(PauseAsked{"now", true});
  told.tell(AttemptCancelled{told.ref("a")});
  CHECK(told.state.reserved.count == 1000);
  told.tell(ResumeAsked{"me", MicroUsd{5000}});
  CHECK(told.state.reserved.count == 1000);
  told.tell(success(told, "a", 10, 2));
  CHECK(told.state.reserved.count == 0);
  CHECK(told.state.spent.count == 10);
}

TEST_CASE("child: the result has the outputs of the last nodes, with their blobs in place") {
  PlanBuilder builder("ab");
  Told told(builder.plan());
  told.start();
  told.succeed("a");
  AttemptSucceeded big{
      told.ref("b"), {{{"/output", 70'000, false, "hash"}}, Json::from_canonical(R"({"output":null})")}, {}, {}, {}};
  told.tell(std::move(big));
  const auto result = run::child_result(told.state, RunId("R"));
  const auto tree = result.json.value();
  CHECK(tree.at("status") == "completed");
  CHECK(tree.at("run") == "R");
  CHECK(tree.at("output").at("a") == "done");
  CHECK(tree.at("outputs").at("a").at("output") == "done");
  std::set<std::string> places;
  for (const auto& blob : result.blobs) places.insert(blob.at);
  CHECK(places == std::set<std::string>{"/output/b", "/outputs/b/output"});
  CHECK(!run::failure_of(told.state, RunId("R")));
}

TEST_CASE("child: the class of a failure says how the run ended") {
  Told failed(PlanBuilder("a").plan());
  failed.start();
  failed.fail("a");
  const auto why = run::failure_of(failed.state, RunId("R"));
  REQUIRE(why);
  CHECK(why->kind == FailureClass::child_failed);
  CHECK(why->message.find("failed at 'a' (exit_code): it broke") != std::string::npos);
  Told cancelled(PlanBuilder("a").plan());
  cancelled.start();
  cancelled.tell(CancelAsked{"me", "enough"});
  cancelled.tell(AttemptCancelled{cancelled.ref("a")});
  CHECK(run::failure_of(cancelled.state, RunId("R"))->kind == FailureClass::rejected);
}

TEST_CASE("child: thousands of crashes, pauses and losses never start a run twice") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 dice(seed);
  for (int round = 0; round < 2000; ++round) {
    auto builder = runs("abcd").edge('a', 'c').edge('b', 'd');
    for (const char name : std::string_view("abcd")) builder[name].retry.attempts = 1 + dice() % 3;
    if (dice() % 2 == 0) builder.budget(run_budget(1000));
    Told told(builder.plan());
    std::map<std::string, std::string> world;  // name -> running, completed, failed
    std::map<NodeIndex, std::uint32_t> waiting;
    const auto obey = [&](const std::vector<Command>& commands) {
      for (const auto& command : commands) {
        const auto* execute = std::get_if<ExecuteNode>(&command);
        if (execute == nullptr) continue;
        const auto name = run::child_name(told.state.plan->nodes[execute->ref.node].id, {}, execute->failed);
        world.emplace(name, "running");
        waiting[execute->ref.node] = execute->ref.attempt;
      }
    };
    const auto tell = [&](auto what) {
      for (const auto& fact : facts_of(told, std::move(what))) obey(run::commands_of(told.state, fact));
    };
    RunStarted started;
    tell(Start{started, {}});
    for (int turn = 0; turn < 400 && !run::is_terminal(told.state); ++turn) {
      const auto roll = dice() % 100;
      if (roll < 15) {  // everything but what is durable is gone
        waiting.clear();
        told.tell(Recovered{});
        obey(run::outstanding(told.state));
      } else if (roll < 20) {
        tell(PauseAsked{"p", dice() % 2 == 0});
      } else if (roll < 40) {
        tell(ResumeAsked{"r"});
      } else if (!told.state.retries.empty() && roll < 60) {
        const auto ref = told.state.retries.begin()->second;
        tell(RetryDue{{ref.node, ref.item, told.state.nodes[ref.node].attempt}});
      } else if (!waiting.empty()) {
        auto at = waiting.begin();
        std::advance(at, static_cast<std::ptrdiff_t>(dice() % waiting.size()));
        const AttemptRef ref{at->first, std::nullopt, at->second};
        waiting.erase(at);
        const auto name = run::child_name(told.state.plan->nodes[ref.node].id, {}, told.state.nodes[ref.node].counted);
        if (told.state.interrupted) {
          tell(AttemptCancelled{ref});
        } else if (dice() % 6 == 0) {
          tell(AttemptLost{ref});
        } else if (dice() % 3 == 0) {
          REQUIRE(world.at(name) != "completed");
          world[name] = "failed";
          tell(AttemptFailed{ref, {FailureClass::child_failed, "no", {}}, {}, cost(1)});
        } else {
          REQUIRE(world.at(name) == "running");
          world[name] = "completed";
          tell(AttemptSucceeded{ref, Told::output("x"), {}, cost(1), {}});
        }
      }
      REQUIRE_MESSAGE(run::violations(told.state, true).empty(), run::violations(told.state, true).front());
    }
    std::map<char, int> completed;
    for (const auto& [name, status] : world) completed[name.front()] += status == "completed" ? 1 : 0;
    for (const auto& [node, count] : completed) CHECK(count <= 1);
  }
}
