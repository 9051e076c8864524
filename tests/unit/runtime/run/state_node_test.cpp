// SPDX-License-Identifier: Apache-2.0
// A run's own state: what its nodes change is one write with their ends, and a fork begins with it.
#include <doctest/doctest.h>

#include "runtime/run/fork.hpp"
#include "runtime/run/invariants.hpp"
#include "runtime/run/replay_check.hpp"
#include "runtime/run/run.hpp"
#include "runtime/workflow/compile.hpp"

namespace hillstar::run {
namespace {

using Names = std::vector<std::string>;
constexpr UtcTime kBegin{1'000'000'000};

Json number(int value) { return Json::from_canonical(std::to_string(value)); }

std::shared_ptr<const workflow::Plan> plan_of(const std::string& nodes, const std::string& edges) {
  auto compiled = workflow::compile(R"({"id":"w","graph":{"nodes":{)" + nodes + R"(},"edges":[)" + edges + "]}}");
  for (const auto& diagnostic : compiled.diagnostics) INFO(diagnostic.message);
  REQUIRE(compiled.plan.has_value());
  return std::make_shared<const workflow::Plan>(*std::move(compiled.plan));
}

struct Bench {
  explicit Bench(std::shared_ptr<const workflow::Plan> plan, std::vector<NodeInherited> inherited = {},
                 std::vector<StateCell> cells = {})
      : state(initial(std::move(plan))) {
    Start what;
    what.started.workflow = WorkflowId("w");
    what.started.inputs = Json::from_canonical("{}");
    what.inherited = std::move(inherited);
    what.cells = std::move(cells);
    names = tell(what);
  }
  Names tell(decltype(Input::what) what) {
    Names told;
    auto seq = state.version;
    for (auto& fact : step(state, Input{kBegin, 0, std::move(what)})) {
      told.emplace_back(type_name(fact));
      history.push_back({++seq, kBegin, std::move(fact)});
    }
    CHECK(violations(state, true).empty());
    return told;
  }
  AttemptRef ref(const std::string& node, std::uint32_t attempt = 1) const {
    return {state.index->at(node), std::nullopt, attempt};
  }
  Names ask(const std::string& node, StateOperation operation, OnConflict on_conflict = OnConflict::fail,
            std::uint32_t attempt = 1) {
    AttemptSucceeded outcome;
    outcome.ref = ref(node, attempt);
    outcome.state = StateRequest{StateScope::run, operation.op, {operation}, on_conflict, false};
    return tell(std::move(outcome));
  }
  std::string result(const std::string& node) const { return result_of(state, state.index->at(node)).json.text(); }

  RunState state;
  std::vector<Recorded> history;
  Names names;
};

StateOperation add(std::string key, int by) { return {StateOp::add, std::move(key), {}, {}, number(by)}; }
StateOperation cas(std::string key, int value, std::uint64_t expected) {
  return {StateOp::cas, std::move(key), number(value), expected, {}};
}

const std::string kTwo = R"("a":{"tool":"state","parameters":{"op":"add","key":"n"}},)"
                         R"("b":{"tool":"state","parameters":{"op":"add","key":"n"}})";
const std::string kAThenB = R"({"from":"a","to":"b"})";

}  // namespace

TEST_CASE("run state: a change and the end of its node are one step, in this order") {
  Bench bench(plan_of(kTwo, kAThenB));
  CHECK(bench.ask("a", add("n", 2)) == Names{"state_changed", "node_completed", "node_scheduled"});
  CHECK(bench.ask("b", add("n", 3)) == Names{"state_changed", "node_completed", "run_completed"});
  CHECK(bench.result("a") == R"({"output":2,"value":2,"version":1})");
  CHECK(bench.result("b") == R"({"output":5,"value":5,"version":2})");
  CHECK(to_text(replay(bench.state.plan, bench.history)) == to_text(bench.state));
  ReplayCheck check(initial(bench.state.plan), bench.history);
  while (auto ended = check.next()) {
    const auto& completed = std::get<NodeCompleted>(ended->record->event);
    check.compare(AttemptSucceeded{bench.ref(completed.node.str()), completed.result, completed.tests, {}, {}});
  }
  CHECK(check.differences_count() == 0);
}

TEST_CASE("run state: an attempt whose end nobody saw has changed nothing") {
  Bench bench(plan_of(kTwo, kAThenB));
  // More often than other nodes may be lost: shared state happens once, so it does no harm.
  for (std::uint32_t attempt = 1; attempt <= 2 * kLostMax; ++attempt)
    CHECK(bench.tell(AttemptLost{bench.ref("a", attempt)}) == Names{"node_attempt_lost", "node_scheduled"});
  CHECK(bench.ask("a", add("n", 1)).empty());  // late
  bench.ask("a", add("n", 1), OnConflict::fail, 2 * kLostMax + 1);
  CHECK(bench.result("a") == R"({"output":1,"value":1,"version":1})");
}

TEST_CASE("run state: a conflict fails the node, or is its result") {
  const std::string on = R"("a":{"tool":"state","parameters":{"op":"cas","key":"n","value":1,"expected_version":7}},)";
  const std::string b = R"("b":{"tool":"state","parameters":{"op":"get","key":"n"},
                           "when":{"node":"a","contains":"\"conflict\":true"}})";
  Bench failing(plan_of(on + b, ""));
  CHECK(failing.ask("a", cas("n", 1, 7)) == Names{"node_attempt_failed", "node_failed", "run_failed"});
  CHECK(failing.state.failure->kind == FailureClass::conflict);
  Bench going_on(plan_of(on + b, ""));
  CHECK(going_on.ask("a", cas("n", 1, 7), OnConflict::result) == Names{"node_completed", "node_scheduled"});
  CHECK(going_on.result("a") == R"({"conflict":true,"key":"n","value":null,"version":0})");
}

TEST_CASE("run state: a named class of failure is tried again") {
  Bench bench(plan_of(R"("a":{"tool":"state","parameters":{"op":"add","key":"n"},
                          "retry":{"attempts":2,"on":["conflict"]}},
                          "b":{"tool":"state","parameters":{"op":"put","key":"n","value":1}})",
                      ""));
  bench.ask("b", {StateOp::put, "n", Json::string("x"), {}, {}});
  CHECK(bench.ask("a", add("n", 1)) == Names{"node_attempt_failed"});
  CHECK(bench.tell(RetryDue{bench.ref("a")}) == Names{"node_retry_due", "node_scheduled"});
  CHECK(bench.ask("a", add("n", 1), OnConflict::fail, 2).back() == "run_failed");
}

TEST_CASE("run state: a fork begins with what the kept nodes changed") {
  const auto plan = plan_of(kTwo, kAThenB);
  Bench parent(plan);
  parent.ask("a", add("n", 2));
  parent.ask("b", add("n", 3));
  const auto kept = inherit(parent.state, RunId("p"), plan->nodes[1].id.str() == "b" ? 1 : 0);
  REQUIRE(kept.size() == 1);
  const auto cells = inherit_cells(parent.history, kept);
  REQUIRE(cells.size() == 1);
  CHECK(cells.front() == StateCell{"n", 1, number(2), false});
  Bench fork(plan, kept, cells);
  CHECK(fork.names == Names{"run_started", "node_inherited", "state_changed", "node_scheduled"});
  fork.ask("b", add("n", 10));
  CHECK(fork.result("b") == R"({"output":12,"value":12,"version":2})");
  CHECK(to_text(replay(plan, fork.history)) == to_text(fork.state));
  ReplayCheck check(initial(plan), fork.history);
  while (check.next()) continue;
  CHECK(check.differences_count() == 0);
  // A fork of the fork has what its parent began with.
  CHECK(inherit_cells(fork.history, kept) == cells);
}

}  // namespace hillstar::run
