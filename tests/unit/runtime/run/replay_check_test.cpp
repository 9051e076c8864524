// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/replay_check.hpp"

#include <doctest/doctest.h>

#include "tests/support/plans.hpp"

using namespace hillstar;
using namespace hillstar::testing;

namespace {

std::vector<Recorded> numbered(std::vector<Event> events) {
  std::vector<Recorded> history;
  for (auto& event : events) history.push_back({history.size() + 1, kStart, std::move(event)});
  return history;
}

Value said_value(const char* text) { return {{}, Json::string(text)}; }

NodeCompleted completed(const char* node) {
  NodeCompleted event;
  event.node = NodeId(node);
  event.result = said_value(node);
  return event;
}

/// a -> b, both done.
std::vector<Recorded> two_nodes() {
  return numbered({RunStarted{}, NodeScheduled{NodeId("a"), {}, 1}, completed("a"), NodeScheduled{NodeId("b"), {}, 1},
                   completed("b"), RunCompleted{}});
}

AttemptSucceeded success(const run::ReplayCheck::Ended& ended, const char* text) {
  return {ended.command.ref, said_value(text), {}, {}, {}};
}

struct Found {
  std::vector<std::string> lines;
  explicit Found(const run::ReplayCheck& check) {
    for (const auto& d : check.differences()) lines.push_back(d.unit + ": " + d.recorded + " / " + d.now);
  }
};

}  // namespace

TEST_CASE("replay check: attempts come in the order of their ends, with what they saw") {
  PlanBuilder plan("ab");
  plan.edge('a', 'b');
  plan['b'].sources = {"a"};
  const auto history = two_nodes();
  run::ReplayCheck check(run::initial(plan.plan()), history);
  auto ended = check.next();
  REQUIRE(ended);
  CHECK(ended->command.ref.node == 0);
  check.compare(success(*ended, "a"));
  ended = check.next();
  REQUIRE(ended);
  REQUIRE(ended->command.bindings.size() == 1);
  CHECK(ended->command.bindings[0].result == said_value("a"));
  CHECK(ended->record->seq == 5);
  check.compare(success(*ended, "b"));
  CHECK_FALSE(check.next());
  CHECK(check.differences_count() == 0);
}

TEST_CASE("replay check: another result, another class of failure, another verdict") {
  PlanBuilder plan("ab");
  plan.edge('a', 'b');
  const auto history = two_nodes();
  run::ReplayCheck check(run::initial(plan.plan()), history);
  auto ended = check.next();
  REQUIRE(ended);
  check.compare(AttemptFailed{ended->command.ref, {FailureClass::exit_code, "x", {}}, said_value("a"), {}, {}});
  ended = check.next();
  REQUIRE(ended);
  auto other = success(*ended, "c");
  other.tests = {true};
  check.compare(other);
  CHECK_FALSE(check.next());
  CHECK(Found(check).lines == std::vector<std::string>{
                                  "a: completed / failed: exit_code",
                                  "b: completed / completed, tests 1",
                                  R"(b: {"json":"b"} / {"json":"c"})",
                              });
}

TEST_CASE("replay check: a retry that would not be made, or that would") {
  PlanBuilder plan("a");
  plan['a'].retry.attempts = 2;
  NodeAttemptFailed failed;
  failed.node = NodeId("a");
  failed.failure = {FailureClass::timeout, "slow", {}};
  const auto history = numbered({RunStarted{}, NodeScheduled{NodeId("a"), {}, 1}, failed,
                                 NodeFailed{NodeId("a"), {}, failed.failure}, RunFailed{failed.failure, NodeId("a")}});
  run::ReplayCheck check(run::initial(plan.plan()), history);
  const auto ended = check.next();
  REQUIRE(ended);
  check.compare(AttemptFailed{ended->command.ref, failed.failure, {}, {}, {}});
  CHECK_FALSE(check.next());
  CHECK(Found(check).lines == std::vector<std::string>{"a: failed: timeout / failed: timeout, to be tried again"});
}

TEST_CASE("replay check: ends that do not follow, and ends that are missing") {
  PlanBuilder plan("ab");
  plan.edge('a', 'b');
  auto history = two_nodes();
  history[3].event = NodeSkipped{NodeId("b"), SkipReason::condition, {}};
  history.erase(history.begin() + 4);
  history.back().event = RunFailed{{FailureClass::internal, "", {}}, {}};
  run::ReplayCheck check(run::initial(plan.plan()), history);
  while (check.next()) {
  }
  CHECK(Found(check).lines == std::vector<std::string>{": b skipped: condition / does not follow",
                                                       ": the run failed: internal / does not follow",
                                                       ": not recorded / the run completed"});
}

TEST_CASE("replay check: differences beyond the limit are counted") {
  PlanBuilder plan("a");
  const auto history = two_nodes();
  run::ReplayCheck check(run::initial(plan.plan()), history);
  REQUIRE(check.next());
  for (std::size_t i = 0; i < run::kDifferencesMax + 5; ++i) check.report(run::DifferenceKind::request, "x", "y");
  CHECK(check.differences().size() == run::kDifferencesMax);
  CHECK(check.differences_count() == run::kDifferencesMax + 5);
}
