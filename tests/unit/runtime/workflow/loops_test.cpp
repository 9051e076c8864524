// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/loops.hpp"

#include <doctest/doctest.h>

#include "tests/unit/runtime/workflow/compiling.hpp"

using namespace hillstar;
using namespace hillstar::workflow;
using namespace hillstar::workflow::testing;

namespace {

/// implement -> review, at most `attempts` times, until the review signs off; then publish.
std::string review_loop(const std::string& attempts, const std::string& more = {}) {
  return flow(script("implement", input("{{ seed.output }} {{prev.review.output}}")) + "," +
                  script("review", input("{{   implement.output }}")) + "," +
                  script("publish", input("{{ review.output }}{{ implement.output }}")) + "," + script("seed"),
              "seed>implement implement>review review>publish", "",
              R"({"id":"fix","body":["implement","review"],"max_attempts":)" + attempts +
                  R"(,"until":{"node":"review","contains":"sign-off"})" + more + "}");
}

}  // namespace

TEST_CASE("loops: attempts become forward nodes, each waits for the verdict on the one before") {
  const auto compiled = compile(review_loop("3"));
  CAPTURE(report(compiled));
  REQUIRE(compiled.plan);
  const auto& plan = *compiled.plan;
  CHECK(order(plan) == "seed implement review implement@2 review@2 implement@3 review@3 publish");
  CHECK(before(plan, "implement@2") == "review");
  CHECK(before(plan, "implement@3") == "review@2");
  CHECK(before(plan, "review@3") == "implement@3");
  CHECK(before(plan, "publish") == "implement@3 review@3");
  CHECK(node(plan, "review@2").loop == LoopPlace{"fix", 2, 3});
  CHECK(node(plan, "review").loop == LoopPlace{"fix", 1, 3});
  CHECK_FALSE(node(plan, "publish").loop);
  CHECK(compiled.authored_nodes == 4);
}

TEST_CASE("loops: references mean the same attempt inside, the one before with prev, the last from outside") {
  const auto plan = compile(review_loop("3")).plan;
  REQUIRE(plan);
  CHECK(node(*plan, "implement").input.text() == R"("{{ seed.output }} ")");
  CHECK(node(*plan, "implement@2").input.text() == R"("{{ seed.output }} {{ review.output }}")");
  CHECK(node(*plan, "implement@3").input.text() == R"("{{ seed.output }} {{ review@2.output }}")");
  CHECK(node(*plan, "review").input.text() == R"("{{   implement.output }}")");
  CHECK(node(*plan, "review@2").input.text() == R"("{{ implement@2.output }}")");
  CHECK(node(*plan, "publish").input.text() == R"("{{ review@3.output }}{{ implement@3.output }}")");
  CHECK(node(*plan, "implement").sources == std::vector<std::string>{"seed"});
  CHECK(node(*plan, "implement@3").sources == std::vector<std::string>{"review@2", "seed"});
}

TEST_CASE("loops: a copy is skipped once the loop is over, and stands for its own attempt before") {
  const auto plan = compile(review_loop("3")).plan;
  REQUIRE(plan);
  CHECK_FALSE(node(*plan, "implement").skip_if);
  CHECK_FALSE(node(*plan, "implement").stands_for);
  const auto& second = node(*plan, "implement@2");
  CHECK(second.stands_for == index(*plan, "implement"));
  CHECK(second.skip_if->test == NodeTest{index(*plan, "review"), 0});
  const auto& third = node(*plan, "review@3");
  CHECK(third.stands_for == index(*plan, "review@2"));
  REQUIRE(third.skip_if->any.size() == 2);
  CHECK(third.skip_if->any[0].test == NodeTest{index(*plan, "review@2"), 0});
  CHECK(third.skip_if->any[1].all.at(0).status == StatusTest{index(*plan, "review@2"), NodeEnd::skipped});
  CHECK(node(*plan, "review@2").tests == node(*plan, "review").tests);
  REQUIRE(plan->loops.size() == 1);
  CHECK(plan->loops[0].judges == std::vector<NodeIndex>{index(*plan, "review@3")});
  CHECK(plan->loops[0].met.any.at(0).test == NodeTest{index(*plan, "review@3"), 0});
  CHECK_FALSE(plan->loops[0].fail_when_exhausted);
  const auto back = plan_from_text(to_text(*plan));
  REQUIRE(back);
  CHECK(*back == *plan);
}

TEST_CASE("loops: one attempt leaves the graph as it is") {
  const auto plan = compile(review_loop("1")).plan;
  REQUIRE(plan);
  CHECK(order(*plan) == "seed implement review publish");
  CHECK(plan->loops.at(0).met.test == NodeTest{index(*plan, "review"), 0});
}

TEST_CASE("loops: on_exhausted fails the run only if it says so") {
  CHECK(compile(review_loop("2", R"(,"on_exhausted":"fail")")).plan->loops[0].fail_when_exhausted);
  CHECK(compile(review_loop("2", R"(,"on_exhausted":"continue")")).diagnostics.empty());
  const auto other = compile(review_loop("2", R"(,"on_exhausted":"escalate")"));
  REQUIRE(other.plan);
  CHECK(has(report(other), "warning"));
  CHECK_FALSE(other.plan->loops[0].fail_when_exhausted);
}

TEST_CASE("loops: every root of the body waits for the attempt before, and side branches for their own") {
  const auto compiled = compile(flow(script("a") + "," + script("b") + "," + script("side") + "," + script("judge") +
                                         "," + script("after", input("{{ side.output }}")),
                                     "a>judge b>judge", "",
                                     R"({"id":"l","body":["a","b","side","judge"],"max_attempts":2,)"
                                     R"("until":{"node":"judge","equals":"ok"}})"));
  REQUIRE(compiled.plan);
  CHECK(before(*compiled.plan, "a@2") == "judge");
  CHECK(before(*compiled.plan, "b@2") == "judge");
  CHECK(before(*compiled.plan, "side@2") == "side judge");
  CHECK(before(*compiled.plan, "after") == "side@2 judge@2");
}

TEST_CASE("loops: conditions of several nodes and of outside nodes see the right attempts") {
  const auto compiled = compile(flow(script("a") + "," + script("b", R"("when":{"node":"a","contains":"go"})") + "," +
                                         script("out", R"("when":{"node":"a","status":"skipped"})"),
                                     "a>b", "",
                                     R"({"id":"l","body":["a","b"],"max_attempts":2,)"
                                     R"("until":{"all_of":[{"node":"a","equals":"x"},{"node":"b","equals":"y"}]}})"));
  REQUIRE(compiled.plan);
  const auto& plan = *compiled.plan;
  CHECK(node(plan, "b@2").when->test->node == index(plan, "a@2"));
  CHECK(node(plan, "out").when->status->node == index(plan, "a@2"));
  CHECK(node(plan, "b@2").skip_if->all.at(1).test->node == index(plan, "b"));
  CHECK(plan.loops[0].judges == std::vector<NodeIndex>{index(plan, "a@2"), index(plan, "b@2")});
}

TEST_CASE("loops: malformed loops are refused") {
  const auto loop = [](const std::string& text) {
    return report(flow(script("a") + "," + script("b"), "a>b", "", "{\"id\":\"l\"," + text + "}"));
  };
  const std::string until = R"("until":{"node":"a","contains":"x"})";
  CHECK(has(loop(R"("body":[],"max_attempts":2,)" + until), "loop without nodes"));
  CHECK(has(loop(R"("max_attempts":2,)" + until), "'body' is missing"));
  CHECK(has(loop(R"("body":["zz"],"max_attempts":2,)" + until), "there is no node 'zz'"));
  CHECK(has(loop(R"("body":["a","a"],"max_attempts":2,)" + until), "listed twice"));
  for (const auto* bad : {"true", "0", "1.5", "\"2\"", "null", "1000001"})
    CHECK(has(loop(R"("body":["a"],"max_attempts":)" + std::string(bad) + "," + until), "/max_attempts: expected"));
  CHECK(has(loop(R"("body":["a"],)" + until), "'max_attempts' is missing"));
  CHECK(has(loop(R"("body":["a"],"max_attempts":2)"), "'until' is missing"));
  CHECK(has(loop(R"("body":["a"],"max_attempts":2,"until":{"node":"b","contains":"x"})"), "is not in the body"));
  CHECK(has(loop(R"("body":["a"],"max_attempts":2,"until":{"node":"a"})"), "condition without contains"));
  CHECK(has(report(flow(script("a"), "", "",
                        R"({"id":"l","body":["a"],"max_attempts":2,)" + until +
                            R"(},{"id":"m","body":["a"],"max_attempts":2,)" + until + "}")),
            "is in loop 'l' already"));
}

TEST_CASE("loops: a node between two nodes of the body is named as a cycle") {
  const auto text = report(flow(script("a") + "," + script("mid") + "," + script("b"), "a>mid mid>b", "",
                                R"({"id":"l","body":["a","b"],"max_attempts":2,"until":{"node":"b","contains":"x"}})"));
  CHECK(has(text, "cycle once the loops are unrolled"));
  CHECK(has(text, "into the body, too"));
}

TEST_CASE("loops: the unrolled graph is bounded, at the limit and beyond") {
  const auto loop = [](const std::string& attempts) {
    return compile(
        flow(script("a"), "", "",
             R"({"id":"l","body":["a"],"max_attempts":)" + attempts + R"(,"until":{"node":"a","contains":"x"}})"));
  };
  CHECK(loop("20000").plan->nodes.size() == 20'000);
  const auto beyond =
      compile(flow(script("a") + "," + script("b"), "a>b", "",
                   R"({"id":"l","body":["a","b"],"max_attempts":500001,"until":{"node":"b","contains":"x"}})"));
  CHECK_FALSE(beyond.plan);
  CHECK(has(report(beyond), "1000002 nodes"));
}
