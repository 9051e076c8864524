// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/board.hpp"

#include <doctest/doctest.h>

#include "apps/cli/text.hpp"
#include "runtime/run/run.hpp"

namespace hillstar::cli {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

/// `count` nodes that do not depend on each other.
std::shared_ptr<const workflow::Plan> plan_of(std::size_t count) {
  auto plan = std::make_shared<workflow::Plan>();
  plan->workflow = WorkflowId("flow");
  plan->max_concurrency = 64;
  for (std::size_t i = 0; i < count; ++i) {
    workflow::PlanNode node;
    node.id = NodeId("node" + std::to_string(i));
    node.tool = "script_run";
    plan->nodes.push_back(node);
  }
  return plan;
}

LiveRun live_of(std::size_t count) {
  LiveRun live;
  live.run = RunId("01JDGE0000AAAAAAAAAAAAAAAA");
  live.state = run::initial(plan_of(count));
  return live;
}

void tell(LiveRun& live, std::int64_t at, Event event) {
  live.observe({live.state.version + 1, {at}, std::move(event)});
}

}  // namespace

TEST_CASE("board: running nodes come with their time and the last line they printed") {
  auto live = live_of(2);
  tell(live, 0, RunStarted{});
  tell(live, kSecond, NodeScheduled{NodeId("node0"), {}, 1});
  live.stream({NodeId("node0"), {}}, 1, "first\nsecond \x1b[31mline\n");
  live.stream({NodeId("node1"), {}}, 1, "not running");
  const auto lines = board_lines(live, {.columns = 100, .rows = 10, .now = {3 * kSecond}, .color = false});
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].find("flow  01JDGE0000AAAAAAAAAAAAAAAA") == 0);
  CHECK(lines[0].find("0/2") != std::string::npos);
  CHECK(lines[1] == "  ▸ node0  2.00 s  second line");
}

TEST_CASE("board: no line is wider than the terminal, and no control character gets through") {
  auto live = live_of(3);
  tell(live, 0, RunStarted{});
  for (const char* id : {"node0", "node1", "node2"}) {
    tell(live, 0, NodeScheduled{NodeId(id), {}, 1});
    live.stream({NodeId(id), {}}, 1, "日本語\x07\u202e wide and long text that does not fit anywhere at all");
  }
  for (const std::size_t width : {20, 33, 80}) {
    for (const auto& line : board_lines(live, {.columns = width, .rows = 10, .now = {kSecond}, .color = false})) {
      CAPTURE(line);
      CHECK(columns(line) <= width);
      CHECK(line == visible(line));
    }
  }
}

TEST_CASE("board: it never takes more rows than it may, and counts what it hides") {
  auto live = live_of(30);
  tell(live, 0, RunStarted{});
  for (int i = 0; i < 30; ++i) tell(live, 0, NodeScheduled{NodeId("node" + std::to_string(i)), {}, 1});
  const auto lines = board_lines(live, {.columns = 80, .rows = 8, .now = {kSecond}, .color = false});
  REQUIRE(lines.size() == 8);
  CHECK(lines.back() == "  … 24 more");
  CHECK(board_lines(live, {.columns = 80, .rows = 0, .now = {kSecond}, .color = false}).size() == 3);
}

TEST_CASE("board: failed nodes stay on it with their reason") {
  auto live = live_of(1);
  tell(live, 0, RunStarted{});
  tell(live, 0, NodeScheduled{NodeId("node0"), {}, 1});
  tell(live, kSecond,
       NodeAttemptFailed{NodeId("node0"), {}, 1, {FailureClass::exit_code, "exited\nwith 1", {}}, {}, {}, {}});
  tell(live, kSecond, NodeFailed{NodeId("node0"), {}, {FailureClass::exit_code, "exited\nwith 1", {}}});
  const auto lines = board_lines(live, {.columns = 80, .rows = 8, .now = {kSecond}, .color = false});
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].find("1 failed") != std::string::npos);
  CHECK(lines[1].find("✗ node0") != std::string::npos);
  CHECK(lines[1].find("exited with 1") != std::string::npos);
}

TEST_CASE("progress_line: says how far the run is and how long the node took") {
  auto live = live_of(12);
  tell(live, 0, RunStarted{});
  tell(live, 0, NodeScheduled{NodeId("node0"), {}, 1});
  const Recorded done{3, {1'240'000}, NodeCompleted{NodeId("node0"), {}, 1, {}, {}, {}, {}}};
  live.observe(done);
  CHECK(progress_line(live, done) == "[ 1/12] node0 completed 1.24 s");
  const Recorded scheduled{4, {}, NodeScheduled{NodeId("node1"), {}, 1}};
  live.observe(scheduled);
  CHECK_FALSE(progress_line(live, scheduled));
}

TEST_CASE("bar: full, empty and between") {
  CHECK(bar(0, 4, 4) == "░░░░");
  CHECK(bar(1, 2, 4) == "██░░");
  CHECK(bar(4, 4, 4) == "████");
  CHECK(bar(0, 0, 2) == "██");
}

TEST_CASE("live run: tails are bounded, and late text of an earlier attempt is dropped") {
  auto live = live_of(1);
  tell(live, 0, RunStarted{});
  tell(live, 0, NodeScheduled{NodeId("node0"), {}, 1});
  live.stream({NodeId("node0"), {}}, 1, std::string(kTailBytesMax * 3, 'x'));
  live.stream({NodeId("node0"), {}}, 1, "end");
  live.stream({NodeId("node0"), {}}, 2, "other");
  const auto& tail = live.running.begin()->second.tail;
  CHECK(tail.size() == kTailBytesMax);
  CHECK(tail.substr(tail.size() - 3) == "end");
}

}  // namespace hillstar::cli
