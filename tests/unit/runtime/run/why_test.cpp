// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/why.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/plans.hpp"

using namespace hillstar;
using namespace hillstar::run;
using namespace hillstar::testing;

namespace {

/// Numbered as a store would have them.
std::vector<Recorded> history_of(const Told& told) {
  std::vector<Recorded> history;
  for (const auto& fact : told.facts)
    history.push_back({history.size() + 1, kStart + Millis(1000 * (history.size() + 1)), fact});
  return history;
}

/// `depth kind`, one for each reason.
std::vector<std::string> kinds(const Why& answer) {
  std::vector<std::string> found;
  for (const auto& reason : answer.reasons) found.push_back(std::to_string(reason.depth) + " " + reason.kind);
  return found;
}

std::string all_text(const Why& answer) {
  std::string text;
  for (const auto& reason : answer.reasons) text += reason.text + "\n";
  return text;
}

bool says(const Why& answer, const std::string& words) { return all_text(answer).find(words) != std::string::npos; }

bool offers(const Why& answer, Remedy remedy) {
  return std::any_of(answer.steps.begin(), answer.steps.end(), [&](const Step& s) { return s.remedy == remedy; });
}

struct Asked : Told {
  using Told::Told;
  Why of(std::string_view unit) {
    const auto at = ref(unit);
    return why(state, history_of(*this), UnitRef{at.node, at.item});
  }
  Why of_run() { return why(state, history_of(*this)); }
};

}  // namespace

TEST_CASE("why: a node that has not started names what blocks it in the end, and by way of which nodes") {
  Asked run(PlanBuilder("abcd").edge('a', 'b').edge('b', 'c').edge('d', 'c').plan());
  run.start();
  run.succeed("d");
  const auto answer = run.of("c");
  CHECK(kinds(answer) == Facts{"0 waiting", "1 blocker", "2 running"});
  CHECK(says(answer, "of 2 predecessors, 1 still open: 'b'"));
  CHECK(says(answer, "'a' holds it up, by way of 'b'"));
  CHECK(says(answer, "'a' is running: attempt 1 since 1970"));
}

TEST_CASE("why: a held node says why people are asked, who approved and how many are missing") {
  PlanBuilder plan("ab");
  plan.edge('a', 'b');
  plan['a'].permission = workflow::Permission::ask;
  plan['a'].approvals = 2;
  Asked run(plan.plan());
  run.start();
  run.tell(ApprovalGiven{0, true, "ann", ""});
  const auto answer = run.of("a");
  CHECK(kinds(answer) == Facts{"0 held", "1 permission", "1 approvals"});
  CHECK(says(answer, "1 of 2 approvals given, by ann; 1 missing"));
  CHECK(answer.steps == std::vector<Step>{{Remedy::approve, UnitRef{0, {}}}, {Remedy::reject, UnitRef{0, {}}}});
  CHECK(answer.reasons.front().seq == 2);
  CHECK(kinds(run.of("b")) == Facts{"0 waiting", "1 held", "2 permission", "2 approvals"});
  CHECK(kinds(run.of_run()).front() == "0 waiting");

  run.tell(ApprovalGiven{0, false, "bob", "too dear"});
  const auto after = run.of("a");
  CHECK(says(after, "'a' failed without an attempt: rejected: bob rejected it: too dear."));
  CHECK(says(after, "ann approved it."));
}

TEST_CASE("why: a failure tells every attempt, the retry policy and what it means") {
  PlanBuilder plan("abc");
  plan.edge('a', 'b').edge('b', 'c');
  plan['a'].retry.attempts = 2;
  plan['a'].on_error = workflow::OnError::skip_dependents;
  Asked run(plan.plan());
  run.start();
  run.fail("a");
  CHECK(kinds(run.of("a")) == Facts{"0 retrying", "1 node_attempt_failed"});
  CHECK(says(run.of("b"), "'a' waits until 1970"));
  run.tell(RetryDue{run.ref("a")});
  CHECK(says(run.of("a"), "Attempt 1 failed: exit_code: it broke; tried again from 1970"));
  run.fail("a", 2);
  const auto answer = run.of("a");
  CHECK(kinds(answer) ==
        Facts{"0 failed", "1 node_attempt_failed", "1 node_attempt_failed", "1 retry_policy", "1 on_error"});
  CHECK(says(answer, "all 2 of its retry policy are used up"));
  CHECK(says(answer, "What depends on it is skipped"));
  // Through the node between, down to the first cause.
  const auto skipped = run.of("c");
  CHECK(kinds(skipped)[0] == "0 dependency");
  CHECK(kinds(skipped)[1] == "1 dependency");
  CHECK(kinds(skipped)[2] == "2 failed");
  CHECK(kinds(run.of_run()).front() == "0 completed");
}

TEST_CASE("why: a class that is not retried, and permission never, are told as such") {
  PlanBuilder plan("ab");
  plan['a'].retry.attempts = 3;
  plan['b'].permission = workflow::Permission::never;
  plan['b'].on_error = workflow::OnError::proceed;
  Asked run(plan.plan());
  run.start();
  run.fail("a", 1, FailureClass::auth);
  CHECK(says(run.of("a"), "failures of class auth do not pass by themselves"));
  CHECK(says(run.of("b"), "permissions.b of the workflow says never; its author may change that"));
  const auto whole = run.of_run();
  CHECK(kinds(whole)[0] == "0 failed");
  CHECK(whole.reasons[1].unit == UnitRef{0, {}});
  CHECK(offers(whole, Remedy::new_run));
  CHECK(offers(whole, Remedy::run_again_from));
}

TEST_CASE("why: a second failure does not claim to have made the run fail") {
  Asked run(PlanBuilder("ab").plan());
  run.start();
  run.fail("b");
  CHECK(kinds(run.of_run())[0] == "0 failing");
  run.fail("a");
  CHECK(says(run.of("b"), "Its failure makes the run fail"));
  CHECK(says(run.of("a"), "but 'b' did so before"));
  CHECK(run.of_run().reasons[1].unit == UnitRef{1, {}});
}

TEST_CASE("why: a condition shows the questions that decided it, with their answers") {
  PlanBuilder plan("abc");
  plan.edge('a', 'b').edge('b', 'c');
  plan['a'].tests = {{.contains = "good", .equals = {}, .not_contains = {}}};
  workflow::Condition good;
  good.test = workflow::NodeTest{0, 0};
  workflow::Condition colour;
  colour.input = workflow::InputTest{"colour", {.contains = {}, .equals = "red", .not_contains = {}}};
  workflow::Condition both;
  both.all = {good, colour};
  plan['b'].when = both;
  workflow::Condition skipped;
  skipped.status = workflow::StatusTest{1, workflow::NodeEnd::skipped};
  plan['c'].skip_if = skipped;
  Asked run(plan.plan());
  run.inputs = Json::from_canonical(R"({"colour":"red"})");
  run.start();
  run.succeed("a", 1, {false});
  const auto answer = run.of("b");
  CHECK(kinds(answer) == Facts{"0 condition", "1 question"});
  CHECK(says(answer, R"(Does the output of 'a' pass: contains "good"? no; it is "done")"));
  CHECK(says(run.of("c"), "its `skip_if` holds"));
  CHECK(says(run.of("c"), "Is 'b' skipped? yes"));
}

TEST_CASE("why: slots and lanes that are taken") {
  PlanBuilder narrow("ab");
  Asked slots(narrow.width(1).plan());
  slots.start();
  CHECK(kinds(slots.of("b")) == Facts{"0 slots", "1 running"});
  CHECK(says(slots.of("b"), "all 1 slot (max_concurrency) are taken, by 'a'"));

  PlanBuilder lanes("abc");
  lanes['a'].lane = lanes['b'].lane = lanes['c'].lane = "gpu";
  Asked lane(lanes.plan());
  lane.start();
  CHECK(says(lane.of("b"), "its lane 'gpu', where nodes run one at a time, is for 'a' now"));
  lane.tell(PauseAsked{"lunch", false});
  lane.succeed("a");
  CHECK(says(lane.of("c"), "is ready to start, but the run is paused"));
}

TEST_CASE("why: a lost attempt is a person's to settle, and its second attempt says who did") {
  PlanBuilder plan("a");
  plan['a'].effect = workflow::Effect::once;
  Asked run(plan.plan());
  run.start();
  run.lose("a");
  const auto answer = run.of_run();
  CHECK(kinds(answer) == Facts{"0 paused", "1 lost"});
  CHECK(answer.steps ==
        std::vector<Step>{{Remedy::settle_run_again, UnitRef{0, {}}}, {Remedy::settle_failed, UnitRef{0, {}}}});
  run.tell(Resolved{0, {}, Settlement::run_again, "ann", "looked"});
  run.tell(ResumeAsked{"ann"});
  run.succeed("a", 2);
  CHECK(kinds(run.of("a")) == Facts{"0 completed", "1 node_attempt_lost", "1 node_resolved"});
  CHECK(says(run.of("a"), "ann settled lost attempt 1 as to be run again: looked"));
}

TEST_CASE("why: a paused run with nothing but ready nodes comes to an end") {
  Asked run(PlanBuilder("abc").edge('b', 'c').width(1).plan());
  run.start();
  run.tell(PauseAsked{"lunch", true});
  run.tell(AttemptCancelled{run.ref("a")});
  const auto answer = run.of_run();
  CHECK(says(answer, "The run is paused (lunch)"));
  CHECK(says(answer, "Attempt 1 was stopped"));
  CHECK(offers(answer, Remedy::resume));
  CHECK(says(run.of("c"), "'b' is ready to start, but the run is paused"));
  run.tell(CancelAsked{"ann", "no need"});
  CHECK(says(run.of_run(), "The run was cancelled, as ann asked: no need"));
  CHECK(says(run.of("a"), "'a' was stopped: the run ended first"));
  CHECK(says(run.of("c"), "'c' was never started: the run ended first"));
}

TEST_CASE("why: an exhausted budget is the first cause, with what it would take") {
  for (const bool pause : {true, false}) {
    CAPTURE(pause);
    workflow::Budget budget;
    budget.run = MicroUsd{1'000'000};
    budget.pause = pause;
    Asked run(PlanBuilder("a").budget(budget).plan());
    run.start();
    run.tell(BudgetRefused{run.ref("a"), BudgetScope::run, {1'000'000}, {600'000}, {500'000}});
    const auto answer = run.of_run();
    CHECK(kinds(answer)[0] == (pause ? "0 paused" : "0 failed"));
    CHECK(kinds(answer)[1] == "1 budget");
    CHECK(says(answer, "may cost 0.50 USD"));
    CHECK(offers(answer, Remedy::raise_budget) == pause);
  }
}

TEST_CASE("why: a map counts its items, and an item has an answer of its own") {
  PlanBuilder plan("m");
  plan['m'].map = workflow::MapSpec{Json::from_canonical("[]"), 1, std::nullopt};
  Asked run(plan.plan());
  run.start();
  run.tell(ItemsListed{run.ref("m"), 3, Value{{}, Json::from_canonical("[1,2,3]")}, 1});
  CHECK(kinds(run.of("m")) == Facts{"0 mapping", "1 running"});
  CHECK(says(run.of("m2"), "'m[2]' has not started"));
  run.fail("m0");
  CHECK(says(run.of("m"), "'m[0]' failed after 1 attempt: exit_code: it broke."));
  CHECK(says(run.of("m2"), "'m[2]' was never started"));
  CHECK(why(run.state, history_of(run), UnitRef{0, 7}).reasons.empty());
  CHECK(why(run.state, history_of(run), UnitRef{9, {}}).reasons.empty());
}

TEST_CASE("why: what does not fit a screen is counted") {
  std::string names;
  for (char c = 'a'; c <= 'z'; ++c) names += c;
  PlanBuilder plan(names);
  plan.width(30);
  for (const char c : names) plan[c].retry.attempts = 9;
  Asked run(plan.plan());
  run.start();
  for (const char c : names) {
    for (std::uint32_t attempt = 1; attempt < 9; ++attempt) {
      run.fail(std::string(1, c), attempt);
      run.tell(RetryDue{run.ref(std::string(1, c), attempt)});
    }
  }
  const auto answer = run.of_run();
  CHECK(answer.reasons.size() == kReasonsMax);
  CHECK(answer.left_out > 0);
}

TEST_CASE("why: a run that has not begun says so") {
  Asked run(PlanBuilder("a").plan());
  CHECK(kinds(run.of_run()) == Facts{"0 created"});
}

TEST_CASE("why: another place, a mended reply, and a release that named people may give, are told from the events") {
  PlanBuilder plan("ab");
  plan['a'].tool = "model_call";
  plan['b'].asks_release = true;
  const NodeId a("a");
  const NodeId b("b");
  const Failure down{FailureClass::server, "down.", std::nullopt};
  NodeAttemptFailed elsewhere{a, {}, 1, down, {}, {}, {}};
  elsewhere.next_candidate = 1;
  elsewhere.next_provider = "near";
  NodeAttemptFailed mended{a, {}, 2, {FailureClass::schema_mismatch, "no name", std::nullopt}, {}, {}, {}};
  mended.repair = true;
  const Reservation first{"far", "big", "far", 0, 0, {}};
  const Reservation second{"near", "small", "near", 1, 0, {}};
  ApprovalRequested asked{b, "May it?", 2};
  asked.release = Release{"secret", "public", "provider 'far'", {"inputs.names", "b"}};
  asked.approvers = {"ann", "bob"};
  Told told(plan.plan());
  told.facts = {RunStarted{},
                asked,
                NodeScheduled{a, {}, 1, first},
                elsewhere,
                NodeScheduled{a, {}, 2, second},
                mended,
                NodeScheduled{a, {}, 3, second}};
  const auto history = history_of(told);
  const auto state = replay(plan.plan(), history);
  const auto call = why(state, history, UnitRef{0, {}});
  CHECK(kinds(call) == Facts{"0 running", "1 node_attempt_failed", "1 node_attempt_failed"});
  CHECK(says(call, "a call to near/small"));
  CHECK(says(call, "Attempt 1 failed: server: down; the next attempt went to near (fallback)."));
  CHECK(says(call, "Attempt 2 failed: schema_mismatch: no name; the model was asked to mend its reply."));
  const auto held = why(state, history, UnitRef{1, {}});
  CHECK(kinds(held) == Facts{"0 held", "1 release", "1 approvals"});
  CHECK(says(held,
             "data of class 'secret' would go to provider 'far', which is cleared for 'public': inputs.names -> b"));
  CHECK(
      says(held, "0 of 2 approvals given; 2 missing. May answer (data.approvers of the policy): ann, bob, each once."));
}

TEST_CASE("why: a node that is made elsewhere says for which machine it waits, and which one made its attempts") {
  PlanBuilder plan("a");
  plan['a'].placement = workflow::Placement{};
  plan['a'].retry.attempts = 2;
  Asked run(plan.plan());
  run.start();
  run.tell(PlaceMissing{run.ref("a"), "no worker has the label gpu (1 worker is there: lab1)"});
  CHECK(kinds(run.of("a")) == Facts{"0 running", "1 place"});
  CHECK(says(run.of("a"), "'a' had no machine to be made on at 1970"));
  CHECK(says(run.of("a"), "no worker has the label gpu (1 worker is there: lab1). Nothing else was recorded"));
  AttemptLost lost{run.ref("a")};
  lost.made_by = MadeBy{"lab2", {}, {}};
  run.tell(lost);
  CHECK(says(run.of("a"), "Nobody saw the end of attempt 1 on worker lab2: that machine ended before"));
  CHECK_FALSE(says(run.of("a"), "had no machine"));
  AttemptSucceeded done{run.ref("a", 2), {}, {}, {}, {}};
  done.made_by = MadeBy{"slurm", {}, "17"};
  run.tell(done);
  CHECK(says(run.of("a"), "'a' is completed, by attempt 2 as job 17 of slurm at 1970"));
}
