// SPDX-License-Identifier: Apache-2.0
// Runs that wait their turn, and runs whose time is over.
#include <doctest/doctest.h>

#include "runtime/run/run.hpp"
#include "runtime/run/view.hpp"
#include "runtime/workflow/compile.hpp"

namespace hillstar::run {
namespace {

constexpr UtcTime kBegin{1'000'000'000};

std::shared_ptr<const workflow::Plan> two_nodes() {
  workflow::Plan plan;
  plan.workflow = WorkflowId("w");
  plan.nodes.resize(2);
  plan.nodes[0].id = NodeId("a");
  plan.nodes[0].tool = plan.nodes[1].tool = "file_read";
  plan.nodes[0].successors = {1};
  plan.nodes[1].id = NodeId("b");
  plan.nodes[1].predecessors = {0};
  return std::make_shared<const workflow::Plan>(std::move(plan));
}

struct Bench {
  RunState state = initial(two_nodes());

  std::vector<std::string> tell(decltype(Input::what) what, UtcTime at = kBegin) {
    std::vector<std::string> names;
    for (const auto& fact : step(state, Input{at, 0, std::move(what)})) names.emplace_back(type_name(fact));
    return names;
  }
  std::vector<std::string> start(std::optional<std::uint64_t> ticket, std::optional<UtcTime> deadline = {}) {
    Start what;
    what.started.workflow = WorkflowId("w");
    what.started.deadline = deadline;
    what.ticket = ticket;
    return tell(what);
  }
};

using Names = std::vector<std::string>;

TEST_CASE("queue: a run with a ticket starts nothing until it is admitted, once") {
  Bench bench;
  CHECK(bench.start(7) == Names{"run_started", "run_queued"});
  CHECK(status_name(bench.state) == "queued");
  CHECK(summarize(bench.state, RunId("x")).ticket == 7);
  CHECK(outstanding(bench.state).empty());
  CHECK(bench.tell(Recovered{}).empty());
  CHECK(bench.tell(PauseAsked{"later", false}).empty());
  CHECK(bench.tell(ResumeAsked{"me"}).empty());
  CHECK(bench.tell(Admit{}) == Names{"run_admitted", "node_scheduled"});
  CHECK(bench.tell(Admit{}).empty());
  CHECK(!summarize(bench.state, RunId("x")).ticket);
}

TEST_CASE("queue: a run that waits can be cancelled, and has one end") {
  Bench bench;
  bench.start(1);
  CHECK(bench.tell(CancelAsked{"me", "no"}) == Names{"cancel_requested", "run_cancelled"});
  CHECK(bench.tell(Admit{}).empty());
}

TEST_CASE("deadline: a run that waits ends timed out, and so does one that runs, once its attempts are stopped") {
  Bench waiting;
  const UtcTime due{kBegin.micros + 1'000'000};
  waiting.start(1, due);
  REQUIRE(outstanding(waiting.state).size() == 1);
  CHECK(waiting.tell(DeadlineReached{}, kBegin).empty());
  CHECK(waiting.tell(DeadlineReached{}, due) == Names{"run_deadline_passed", "run_timed_out"});
  CHECK(status_name(waiting.state) == "timed_out");

  Bench running;
  running.start(std::nullopt, due);
  CHECK(running.tell(DeadlineReached{}, due) == Names{"run_deadline_passed"});
  CHECK(running.tell(CancelAsked{"me", ""}, due).empty());
  CHECK(running.tell(AttemptCancelled{{0, {}, 1}}, due) == Names{"node_cancelled", "run_timed_out"});
  CHECK(is_terminal(running.state));
  CHECK(is_terminal(summarize(running.state, RunId("x"))));
}

TEST_CASE("deadline: a paused run times out too, and an early bell changes nothing") {
  Bench bench;
  const UtcTime due{kBegin.micros + 1'000'000};
  bench.start(std::nullopt, due);
  bench.tell(PauseAsked{"p", true});
  bench.tell(AttemptCancelled{{0, {}, 1}});
  CHECK(status_name(bench.state) == "paused");
  CHECK(summarize(bench.state, RunId("x")).due == due);
  CHECK(bench.tell(DeadlineReached{}, UtcTime{due.micros - 1}).empty());
  CHECK(bench.tell(DeadlineReached{}, due) == Names{"run_deadline_passed", "run_timed_out"});
}

TEST_CASE("budget: a trigger can only tighten what the workflow says") {
  auto authored = *two_nodes();
  authored.budget = workflow::Budget{};
  authored.budget->run = MicroUsd{5};
  const auto plan = std::make_shared<const workflow::Plan>(authored);
  for (const auto& [given, expected] : {std::pair{MicroUsd{3}, MicroUsd{3}}, {MicroUsd{9}, MicroUsd{5}}}) {
    auto state = initial(plan);
    Start what;
    what.started.budget = given;
    step(state, Input{kBegin, 0, what});
    CHECK(state.budget == expected);
  }
}

}  // namespace
}  // namespace hillstar::run
