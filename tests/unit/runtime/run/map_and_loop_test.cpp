// SPDX-License-Identifier: Apache-2.0
#include <ostream>

#include <doctest/doctest.h>

#include "runtime/run/fork.hpp"
#include "runtime/run/view.hpp"
#include "tests/support/plans.hpp"

namespace hillstar::run {
namespace {

using namespace hillstar::testing;

PlanBuilder map_then_b(std::uint32_t parallel, std::optional<std::uint32_t> min_success) {
  PlanBuilder plan("mb");
  plan.edge('m', 'b').width(8);
  plan['m'].map = workflow::MapSpec{Json::string("{{ inputs.list }}"), parallel, min_success};
  plan['b'].sources = {"m"};
  return plan;
}
ItemsListed three(const Told& run) { return {run.ref("m"), 3, {{}, Json::from_canonical(R"(["x","y","z"])")}}; }

TEST_CASE("map: the list is evaluated first, then items run within `parallel`, in order") {
  Told run(map_then_b(2, std::nullopt).plan());
  CHECK(run.start() == Facts{"run_started", "node_scheduled m"});
  CHECK(std::get<ExecuteNode>(commands_of(run.state, run.facts.back()).at(0)).lists_items);
  CHECK(run.tell(three(run)) == Facts{"map_expanded m", "node_scheduled m0", "node_scheduled m1"});
  CHECK(run.succeed("m1") == Facts{"node_completed m1", "node_scheduled m2"});
  CHECK(run.succeed("m2") == Facts{"node_completed m2"});
  CHECK(run.succeed("m0") == Facts{"node_completed m0", "node_completed m", "node_scheduled b"});
  const auto commands = commands_of(run.state, run.facts.back());
  CHECK(std::get<ExecuteNode>(commands.at(0)).bindings.at(0).result.json.text() ==
        R"({"count":3,"failed":0,"output":["done","done","done"])"
        R"(,"results":[{"output":"done"},{"output":"done"},{"output":"done"}]})");
}

TEST_CASE("map: an empty list completes at once") {
  Told run(map_then_b(0, std::nullopt).plan());
  run.start();
  CHECK(run.tell(ItemsListed{run.ref("m"), 0, {}}) == Facts{"map_expanded m", "node_completed m", "node_scheduled b"});
}

TEST_CASE("map: one failed item fails it, what runs ends first, the rest never starts") {
  Told run(map_then_b(2, std::nullopt).plan());
  run.start();
  run.tell(three(run));
  CHECK(run.fail("m0") == Facts{"node_attempt_failed m0", "node_failed m0"});
  CHECK(run.succeed("m1") == Facts{"node_completed m1", "node_failed m", "run_failed m"});
  CHECK(run.state.failure->message == "1 of 3 items failed; 3 must succeed");
}

TEST_CASE("map: min_success tolerates failed items and keeps their places empty") {
  Told run(map_then_b(0, 2).plan());
  run.start();
  run.tell(three(run));
  run.fail("m1");
  run.succeed("m0");
  CHECK(run.succeed("m2") == Facts{"node_completed m2", "node_completed m", "node_scheduled b"});
  const auto collected = result_of(run.state, 0).json.text();
  CHECK(collected.find(R"("output":["done",null,"done"])") != std::string::npos);
  CHECK(collected.find(R"("failed":1)") != std::string::npos);
}

TEST_CASE("map: a lost item runs again, and recovery loses items in flight only") {
  Told run(map_then_b(2, std::nullopt).plan());
  run.start();
  run.tell(three(run));
  run.succeed("m0");
  CHECK(run.tell(Recovered{}) ==
        Facts{"node_attempt_lost m1", "node_attempt_lost m2", "node_scheduled m1 #2", "node_scheduled m2 #2"});
}

TEST_CASE("map: blobs of items are found under the collected result") {
  Told run(map_then_b(0, std::nullopt).plan());
  run.start();
  run.tell(ItemsListed{run.ref("m"), 1, {}});
  const Value large{{{"/output", 70'000, false, std::string(64, 'a')}}, Json::from_canonical(R"({"output":null})")};
  run.tell(AttemptSucceeded{run.ref("m0"), large, {}, std::nullopt, std::nullopt});
  const auto collected = result_of(run.state, 0);
  REQUIRE(collected.blobs.size() == 2);
  CHECK(collected.blobs[0].at == "/output/0");
  CHECK(collected.blobs[1].at == "/results/0/output");
}

/// a (judged by itself) in up to three attempts a, c, d; then b.
PlanBuilder loop_then_b(bool fail_when_exhausted) {
  PlanBuilder plan("acdb");
  plan.edge('a', 'c').edge('c', 'd').edge('d', 'b');
  for (const char name : {'a', 'c', 'd'}) {
    plan[name].tests = {{"ok", std::nullopt, std::nullopt}};
    plan[name].loop = workflow::LoopPlace{"again", name == 'a' ? 1U : name == 'c' ? 2U : 3U, 3};
  }
  for (const NodeIndex i : {1U, 2U}) {
    auto& node = plan[i == 1 ? 'c' : 'd'];
    node.stands_for = i - 1;
    node.skip_if = workflow::Condition{};
    node.skip_if->test = workflow::NodeTest{i - 1, 0};
  }
  workflow::Condition met;
  met.test = workflow::NodeTest{2, 0};
  plan.loop({"again", 3, fail_when_exhausted, met, {2}});
  plan['b'].sources = {"d"};
  return plan;
}

TEST_CASE("loop: later attempts are skipped once one has met the condition, and its result stands") {
  Told run(loop_then_b(true).plan());
  run.start();
  CHECK(run.succeed("a", 1, {false}) == Facts{"node_completed a", "node_scheduled c"});
  CHECK(run.succeed("c", 1, {true}) == Facts{"node_completed c", "node_skipped d", "node_scheduled b"});
  const auto commands = commands_of(run.state, run.facts.back());
  CHECK(std::get<ExecuteNode>(commands.at(0)).bindings.at(0).result == Told::output("done"));
  CHECK(run.succeed("b") == Facts{"node_completed b", "run_completed"});
}

TEST_CASE("loop: exhausted, it goes on or fails, as the author says, and the log says so") {
  for (const bool fails : {false, true}) {
    Told run(loop_then_b(fails).plan());
    run.start();
    run.succeed("a", 1, {false});
    run.succeed("c", 1, {false});
    const auto facts = run.succeed("d", 1, {false});
    CHECK(facts == (fails ? Facts{"node_completed d", "loop_exhausted", "run_failed"}
                          : Facts{"node_completed d", "loop_exhausted", "node_scheduled b"}));
  }
}

TEST_CASE("fork: completed results are inherited, except of what must run again and what depends on it") {
  Told run(PlanBuilder("abcd").edge('a', 'b').edge('b', 'c').edge('a', 'd').width(4).plan());
  run.start();
  run.succeed("a");
  run.succeed("b");
  run.succeed("d");
  run.fail("c");
  const auto names = [&](std::optional<NodeIndex> from) {
    std::string all;
    for (const auto& inherited : inherit(run.state, RunId("R"), from)) all += inherited.node.str();
    return all;
  };
  CHECK(names(std::nullopt) == "abd");
  CHECK(names(1) == "ad");
  CHECK(names(0).empty());

  Told fork(run.state.plan);
  CHECK(fork.start(inherit(run.state, RunId("R"), std::nullopt)) ==
        Facts{"run_started", "node_inherited a", "node_inherited b", "node_inherited d", "node_scheduled c"});
  CHECK(fork.succeed("c") == Facts{"node_completed c", "run_completed"});
}

TEST_CASE("view: a row says how far a run is and why it stopped") {
  Told run(PlanBuilder("ab").width(2).plan());
  run.start();
  run.succeed("a");
  run.fail("b");
  const auto row = summarize(run.state, RunId("R"));
  CHECK(row.status == "failed");
  CHECK(row.nodes == 2);
  CHECK(row.nodes_done == 2);
  CHECK(row.nodes_failed == 1);
  CHECK(row.reason == "it broke");
  CHECK(row.version == run.facts.size());
}

}  // namespace
}  // namespace hillstar::run
