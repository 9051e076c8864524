// SPDX-License-Identifier: Apache-2.0
#include <ostream>

#include <doctest/doctest.h>

#include "tests/support/plans.hpp"

namespace hillstar::run {
namespace {

using namespace hillstar::testing;
using workflow::Effect;
using workflow::OnError;
using workflow::Permission;

TEST_CASE("step: a chain completes node by node, completion and consequence in one batch") {
  Told run(PlanBuilder("ab").edge('a', 'b').plan());
  CHECK(run.start() == Facts{"run_started", "node_scheduled a"});
  CHECK(run.succeed("a") == Facts{"node_completed a", "node_scheduled b"});
  CHECK(run.succeed("b") == Facts{"node_completed b", "run_completed"});
  CHECK(is_terminal(run.state));
}

TEST_CASE("step: a join waits for all its predecessors, and for nothing else") {
  Told run(PlanBuilder("abcd").edge('a', 'c').edge('b', 'c').width(4).plan());
  CHECK(run.start() == Facts{"run_started", "node_scheduled a", "node_scheduled b", "node_scheduled d"});
  CHECK(run.succeed("a") == Facts{"node_completed a"});
  CHECK(run.succeed("b") == Facts{"node_completed b", "node_scheduled c"});
}

TEST_CASE("step: a free slot is filled at once, in plan order, never beyond max_concurrency") {
  Told run(PlanBuilder("abcd").width(2).plan());
  CHECK(run.start() == Facts{"run_started", "node_scheduled a", "node_scheduled b"});
  CHECK(run.succeed("b") == Facts{"node_completed b", "node_scheduled c"});
  CHECK(run.succeed("c") == Facts{"node_completed c", "node_scheduled d"});
}

TEST_CASE("step: an empty plan completes at once") {
  Told run(PlanBuilder("").plan());
  CHECK(run.start() == Facts{"run_started", "run_completed"});
}

TEST_CASE("decide: a late outcome of an old attempt changes nothing") {
  PlanBuilder plan("a");
  plan['a'].retry.attempts = 3;
  Told run(plan.plan());
  run.start();
  CHECK(run.fail("a") == Facts{"node_attempt_failed a"});
  CHECK(run.tell(RetryDue{run.ref("a", 1)}) == Facts{"node_retry_due a", "node_scheduled a #2"});
  CHECK(run.succeed("a", 1).empty());
  CHECK(run.fail("a", 1).empty());
  CHECK(run.tell(RetryDue{run.ref("a", 1)}).empty());
  CHECK(run.succeed("a", 2) == Facts{"node_completed a #2", "run_completed"});
  CHECK(run.succeed("a", 2).empty());
}

TEST_CASE("decide: inputs for nodes and items that do not exist change nothing") {
  Told run(PlanBuilder("a").plan());
  CHECK(run.succeed("a").empty());  // not started yet
  run.start();
  CHECK(run.tell(AttemptSucceeded{{7, std::nullopt, 1}, {}, {}, std::nullopt, std::nullopt}).empty());
  CHECK(run.tell(AttemptLost{{0, 3, 1}}).empty());
  CHECK(run.tell(ItemsListed{{0, std::nullopt, 1}, 3, {}}).empty());
  CHECK(run.tell(ApprovalGiven{0, true, "", ""}).empty());
  CHECK(run.tell(Resolved{9, std::nullopt, Settlement::failed, "", ""}).empty());
  CHECK(run.start().empty());
}

TEST_CASE("decide: retries end with the policy, and the wait is recorded") {
  PlanBuilder plan("a");
  plan['a'].retry = {.attempts = 2, .backoff = Millis(4000), .jitter = false, .on = {}};
  Told run(plan.plan());
  run.start();
  run.fail("a");
  const auto& failed = std::get<NodeAttemptFailed>(run.facts.back());
  REQUIRE(failed.retry_at);
  CHECK(*failed.retry_at - run.now == Millis(4000));
  run.tell(RetryDue{run.ref("a")});
  CHECK(run.fail("a", 2) == Facts{"node_attempt_failed a #2", "node_failed a", "run_failed a"});
}

TEST_CASE("step: after a failure what runs may end, and nothing new starts") {
  Told run(PlanBuilder("abc").edge('a', 'c').width(2).plan());
  run.start();
  CHECK(run.fail("b") == Facts{"node_attempt_failed b", "node_failed b"});
  CHECK(run.state.status == RunStatus::failing);
  CHECK(run.succeed("a") == Facts{"node_completed a", "run_failed b"});
}

TEST_CASE("step: on_error `continue` hands the failed result on") {
  PlanBuilder plan("ab");
  plan.edge('a', 'b');
  plan['a'].on_error = OnError::proceed;
  plan['b'].sources = {"a"};
  Told run(plan.plan());
  run.start();
  CHECK(run.fail("a") == Facts{"node_attempt_failed a", "node_failed a", "node_scheduled b"});
  const auto commands = commands_of(run.state, run.facts.back());
  REQUIRE(commands.size() == 1);
  CHECK(std::get<ExecuteNode>(commands[0]).bindings.at(0).result.json.text() ==
        R"({"error":"it broke","output":null})");
  run.succeed("b");
  CHECK(std::get<RunCompleted>(run.facts.back()).failed_nodes == 1);
}

TEST_CASE("step: on_error `skip_dependents` skips all of them, however far, and spares the rest") {
  PlanBuilder plan("abcde");
  plan.edge('a', 'b').edge('b', 'c').edge('d', 'c').edge('d', 'e').width(1);
  plan['a'].on_error = OnError::skip_dependents;
  Told run(plan.plan());
  run.start();
  CHECK(run.fail("a") ==
        Facts{"node_attempt_failed a", "node_failed a", "node_skipped b", "node_skipped c", "node_scheduled d"});
  CHECK(run.succeed("d") == Facts{"node_completed d", "node_scheduled e"});
  CHECK(run.succeed("e") == Facts{"node_completed e", "run_completed"});
}

TEST_CASE("step: a lost attempt runs again under a new number") {
  Told run(PlanBuilder("a").plan());
  run.start();
  CHECK(run.lose("a") == Facts{"node_attempt_lost a", "node_scheduled a #2"});
}

TEST_CASE("step: a node that loses too many attempts fails") {
  Told run(PlanBuilder("a").plan());
  run.start();
  for (std::uint32_t attempt = 1; attempt < kLostMax; ++attempt) run.lose("a", attempt);
  CHECK(run.lose("a", kLostMax) == Facts{"node_attempt_lost a #5", "node_failed a", "run_failed a"});
}

TEST_CASE("step: a lost attempt with effect `once` waits for a person, who settles it") {
  PlanBuilder plan("ab");
  plan['a'].effect = Effect::once;
  Told run(plan.plan());
  run.start();
  CHECK(run.lose("a") == Facts{"node_attempt_lost a", "run_paused a"});
  CHECK(run.tell(ResumeAsked{"me"}).empty());
  CHECK(run.succeed("b") == Facts{"node_completed b"});
  CHECK(waits_for_person(run.state));
  CHECK(run.tell(Resolved{0, std::nullopt, Settlement::run_again, "me", "checked"}) == Facts{"node_resolved a"});
  CHECK(run.tell(ResumeAsked{"me"}) == Facts{"run_resumed", "node_scheduled a #2"});
}

TEST_CASE("step: recovery loses what was in flight, and only that") {
  PlanBuilder plan("abc");
  plan.edge('a', 'b').width(1);
  Told run(plan.plan());
  run.start();
  run.succeed("a");
  CHECK(run.tell(Recovered{}) == Facts{"node_attempt_lost b", "node_scheduled b #2"});
  CHECK(run.status("a") == NodeStatus::completed);
}

TEST_CASE("step: an interrupted pause cancels attempts, which run again after the resume") {
  Told run(PlanBuilder("ab").width(1).plan());
  run.start();
  CHECK(run.tell(PauseAsked{"Ctrl-C", true}) == Facts{"run_paused"});
  const auto commands = commands_of(run.state, run.facts.back());
  REQUIRE(commands.size() == 1);
  CHECK(std::holds_alternative<CancelNode>(commands[0]));
  CHECK(run.tell(AttemptCancelled{run.ref("a")}) == Facts{"node_cancelled a"});
  CHECK(waits_for_person(run.state));
  CHECK(run.tell(ResumeAsked{"me"}) == Facts{"run_resumed", "node_scheduled a #2"});
}

TEST_CASE("step: a paused run records what ends, and starts nothing") {
  Told run(PlanBuilder("ab").edge('a', 'b').plan());
  run.start();
  run.tell(PauseAsked{"lunch", false});
  CHECK(run.succeed("a") == Facts{"node_completed a"});
  CHECK(run.tell(PauseAsked{"again", false}).empty());
  CHECK(run.tell(ResumeAsked{"me"}) == Facts{"run_resumed", "node_scheduled b"});
}

TEST_CASE("step: a cancelled run ends once every attempt has answered") {
  Told run(PlanBuilder("abc").width(2).plan());
  run.start();
  CHECK(run.tell(CancelAsked{"me", "wrong data"}) == Facts{"cancel_requested"});
  CHECK(run.tell(CancelAsked{"me", "twice"}).empty());
  CHECK(run.succeed("a") == Facts{"node_completed a"});
  CHECK(run.tell(AttemptCancelled{run.ref("b")}) == Facts{"node_cancelled b", "run_cancelled"});
  CHECK(std::get<RunCancelled>(run.facts.back()).reason == "wrong data");
}

TEST_CASE("step: an attempt that ends as cancelled unasked counts as lost") {
  Told run(PlanBuilder("a").plan());
  run.start();
  CHECK(run.tell(AttemptCancelled{run.ref("a")}) == Facts{"node_attempt_lost a", "node_scheduled a #2"});
}

TEST_CASE("step: permission `never` fails the node when it is reached") {
  PlanBuilder plan("ab");
  plan.edge('a', 'b');
  plan['b'].permission = Permission::never;
  Told run(plan.plan());
  run.start();
  CHECK(run.succeed("a") == Facts{"node_completed a", "node_failed b", "run_failed b"});
  CHECK(run.state.failure->message.starts_with("Node b is blocked by permission policy: permissions.b"));
}

TEST_CASE("step: permission `ask` waits for an answer") {
  PlanBuilder plan("ab");
  plan['a'].permission = Permission::ask;
  Told run(plan.plan());
  CHECK(run.start() == Facts{"run_started", "approval_requested a", "node_scheduled b"});
  run.succeed("b");
  CHECK(waits_for_person(run.state));
  SUBCASE("approved, it runs") {
    CHECK(run.tell(ApprovalGiven{0, true, "ann", ""}) == Facts{"approval_answered a", "node_scheduled a"});
  }
  SUBCASE("rejected, it fails with who and why") {
    CHECK(run.tell(ApprovalGiven{0, false, "ann", "too dear"}) ==
          Facts{"approval_answered a", "node_failed a", "run_failed a"});
    CHECK(run.state.failure->message == "ann rejected it: too dear");
  }
}

TEST_CASE("step: conditions skip nodes, and what follows goes on") {
  PlanBuilder plan("abc");
  plan.edge('a', 'b').edge('b', 'c');
  plan['a'].tests = {{"yes", std::nullopt, std::nullopt}};
  plan['b'].when = workflow::Condition{};
  plan['b'].when->test = workflow::NodeTest{0, 0};
  Told run(plan.plan());
  run.start();
  SUBCASE("true") { CHECK(run.succeed("a", 1, {true}) == Facts{"node_completed a", "node_scheduled b"}); }
  SUBCASE("false") {
    CHECK(run.succeed("a", 1, {false}) == Facts{"node_completed a", "node_skipped b", "node_scheduled c"});
  }
}

TEST_CASE("step: conditions can ask the run's inputs") {
  PlanBuilder plan("a");
  plan['a'].when = workflow::Condition{};
  plan['a'].when->input = workflow::InputTest{"mode", {std::nullopt, "full", std::nullopt}};
  Told run(plan.plan());
  run.inputs = Json::from_canonical(R"({"mode":"quick"})");
  CHECK(run.start() == Facts{"run_started", "node_skipped a", "run_completed"});
}

TEST_CASE("step: nodes of one lane never overlap, others pass them") {
  PlanBuilder plan("abcd");
  plan.width(4);
  plan['a'].lane = plan['b'].lane = plan['d'].lane = "gpu";
  Told run(plan.plan());
  CHECK(run.start() == Facts{"run_started", "node_scheduled a", "node_scheduled c"});
  CHECK(run.fail("a").size() == 2);  // its lane is free again, but the run fails
  Told other(plan.plan());
  other.start();
  CHECK(other.succeed("a") == Facts{"node_completed a", "node_scheduled b"});
  CHECK(other.succeed("b") == Facts{"node_completed b", "node_scheduled d"});
}

TEST_CASE("step: a checkpoint is reached when its node completes") {
  PlanBuilder plan("ab");
  plan.edge('a', 'b');
  plan['a'].checkpoint = true;
  Told run(plan.plan());
  run.start();
  CHECK(run.succeed("a") == Facts{"node_completed a", "checkpoint_reached a", "node_scheduled b"});
}

}  // namespace
}  // namespace hillstar::run
