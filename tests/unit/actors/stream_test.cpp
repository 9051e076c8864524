// SPDX-License-Identifier: Apache-2.0
// Streams over a real engine: what is accepted is durable, waits in order, and survives.
#include <doctest/doctest.h>

#include <future>
#include <set>
#include <string>
#include <vector>

#include "tests/support/streams.hpp"

namespace hillstar::testing {
namespace {

using Lines = std::vector<std::string>;

TEST_CASE("stream: a trigger becomes a run that knows its stream, and a second one waits for its place") {
  persistence::MemoryStore store;
  Gate gate;
  ScriptedTool tool([&](const auto&, const auto&) {
    gate.wait();
    return said("done");
  });
  Host host(store);
  host.with(tool).up();
  REQUIRE(declare(*host.engine, entry_of(1, 5), PlanBuilder("a").plan()).has_value());
  const auto first = trigger(*host.engine);
  const auto second = trigger(*host.engine);
  REQUIRE(first.has_value());
  REQUIRE(second.has_value());
  CHECK(!first->queued);
  CHECK(second->queued);
  CHECK(store.summary(first->run)->stream == "test/e");
  CHECK(store.summary(second->run)->status == "queued");
  CHECK(status_of(*host.engine).queued == 1);
  gate.open();
  CHECK(host.end_of(first->run) == "completed");
  CHECK(host.end_of(second->run) == "completed");
  const auto history = host.history(second->run);
  CHECK(history[0].starts_with("run_started"));
  CHECK(history[1].starts_with("run_queued"));
  CHECK(history[2].starts_with("run_admitted"));
}

TEST_CASE("stream: a full queue refuses, and says what to do") {
  persistence::MemoryStore store;
  Host host(store);
  host.with(ScriptedTool(until_cancelled)).up();
  REQUIRE(declare(*host.engine, entry_of(1, 1), PlanBuilder("a").plan()).has_value());
  REQUIRE(trigger(*host.engine).has_value());
  REQUIRE(trigger(*host.engine).has_value());
  const auto refused = trigger(*host.engine);
  REQUIRE(!refused.has_value());
  CHECK(refused.error().code == Errc::stream_full);
  CHECK(status_of(*host.engine).refused == 1);
}

TEST_CASE("stream: drop_oldest ends the run that waits longest as cancelled, with the reason") {
  persistence::MemoryStore store;
  Host host(store);
  host.with(ScriptedTool(until_cancelled)).up();
  REQUIRE(declare(*host.engine, entry_of(1, 1, Overflow::drop_oldest), PlanBuilder("a").plan()).has_value());
  REQUIRE(trigger(*host.engine).has_value());
  const auto oldest = trigger(*host.engine);
  REQUIRE(oldest.has_value());
  const auto newest = trigger(*host.engine);
  REQUIRE(newest.has_value());
  CHECK(host.end_of(oldest->run) == "cancelled");
  CHECK(store.summary(oldest->run)->reason.find("drop_oldest") != std::string::npos);
  CHECK(store.summary(newest->run)->status == "queued");
}

TEST_CASE("stream: with overflow wait a caller is answered once there is room") {
  persistence::MemoryStore store;
  Gate gate;
  ScriptedTool tool([&](const auto&, const auto&) {
    gate.wait();
    return said("done");
  });
  Host host(store);
  host.with(tool).up();
  REQUIRE(declare(*host.engine, entry_of(1, 0, Overflow::wait), PlanBuilder("a").plan()).has_value());
  REQUIRE(trigger(*host.engine).has_value());
  auto waiting = offer(*host.engine);
  CHECK(status_of(*host.engine).waiting_callers == 1);
  gate.open();
  const auto accepted = waiting.get();
  REQUIRE(accepted.has_value());
  CHECK(host.end_of(accepted->run) == "completed");
}

TEST_CASE("stream: the same key is the same run, at once, later and after a restart") {
  persistence::MemoryStore store;
  std::set<std::string> runs;
  for (int start = 0; start < 2; ++start) {
    Host host(store);
    host.with(ScriptedTool()).up();
    REQUIRE(declare(*host.engine, entry_of(4, 10), PlanBuilder("a").plan()).has_value());
    std::vector<std::future<Result<Accepted>>> offers;
    for (int i = 0; i < 20; ++i) offers.push_back(offer(*host.engine, with_key("delivery-1")));
    int fresh = 0;
    for (auto& one : offers) {
      const auto accepted = one.get();
      REQUIRE(accepted.has_value());
      runs.insert(accepted->run.str());
      if (!accepted->repeated) ++fresh;
    }
    CHECK(fresh == (start == 0 ? 1 : 0));
    if (start == 0) CHECK(host.end_of(RunId(*runs.begin())) == "completed");
  }
  CHECK(runs.size() == 1);
}

TEST_CASE("stream: what waited goes on in its order after a restart, and the stream is there by itself") {
  persistence::MemoryStore store;
  std::vector<RunId> waiting;
  {
    Host host(store);
    host.with(ScriptedTool(until_cancelled)).up();
    REQUIRE(declare(*host.engine, entry_of(1, 100), PlanBuilder("a").plan()).has_value());
    for (int i = 0; i < 21; ++i) {
      const auto accepted = trigger(*host.engine);
      REQUIRE(accepted.has_value());
      if (accepted->queued) waiting.push_back(accepted->run);
    }
    CHECK(waiting.size() == 20);
  }
  std::mutex mutex;
  Lines order;
  ScriptedTool tool([&](const tools::ToolCall& call, const auto&) {
    const std::lock_guard lock(mutex);
    order.push_back(call.idempotency_key.substr(0, 26));
    return said("done");
  });
  Host host(store);
  host.with(tool).up();
  CHECK(host.end_of(waiting.back()) == "completed");
  REQUIRE(order.size() == 21);
  for (std::size_t i = 0; i < waiting.size(); ++i) CHECK(order[i + 1] == waiting[i].str());
  const auto again = declare(*host.engine, entry_of(1, 100), PlanBuilder("a").plan());
  REQUIRE(again.has_value());
  CHECK(store.summary(again->history)->version == 1);  // nothing new was said
}

TEST_CASE("stream: runs go on alike whether they waited with an actor, with what they began with, or in the store") {
  for (const std::size_t warm : {0U, 3U, 100U}) {
    CAPTURE(warm);
    persistence::MemoryStore store;
    Gate gate;
    std::mutex mutex;
    Lines order;
    Host host(store);
    host.options.warm_runs_max = warm;
    host.with(ScriptedTool([&](const tools::ToolCall& call, const auto&) {
      gate.wait();
      const std::lock_guard lock(mutex);
      order.push_back(call.idempotency_key.substr(0, 26));
      return said("done");
    }));
    host.up();
    REQUIRE(declare(*host.engine, entry_of(1, 100), PlanBuilder("a").plan()).has_value());
    std::vector<RunId> runs;
    for (std::size_t i = 0; i < 21; ++i) {
      TriggerRun what;
      // Every other one is too large to be kept in memory.
      if (i % 2 == 1) what.labels["size"] = std::string(8'000, 'x');
      const auto accepted = trigger(*host.engine, std::move(what));
      REQUIRE(accepted.has_value());
      CHECK(accepted->queued == (i > 0));
      runs.push_back(accepted->run);
    }
    gate.open();
    for (const auto& run : runs) CHECK(host.end_of(run) == "completed");
    REQUIRE(order.size() == runs.size());
    for (std::size_t i = 0; i < runs.size(); ++i) {
      CHECK(order[i] == runs[i].str());
      const auto history = store.read(runs[i]);
      REQUIRE(history.has_value());
      CHECK(history->size() == (i > 0 ? 6 : 4));
    }
  }
}

TEST_CASE("stream: a held stream keeps accepting; a removed one says that it is gone") {
  persistence::MemoryStore store;
  Host host(store);
  host.with(ScriptedTool()).up();
  auto& engine = *host.engine;
  REQUIRE(declare(engine, entry_of(2, 5), PlanBuilder("a").plan()).has_value());
  REQUIRE(engine.hold("test/e", true, "me", "disk").has_value());
  const auto accepted = trigger(engine);
  REQUIRE(accepted.has_value());
  CHECK(accepted->queued);
  CHECK(status_of(engine).held);
  REQUIRE(engine.hold("test/e", false, "me", "").has_value());
  CHECK(host.end_of(accepted->run) == "completed");
  REQUIRE(engine.remove("test/e", "me").has_value());
  CHECK(trigger(engine).error().code == Errc::not_found);
  CHECK(engine.streams().empty());
  CHECK(engine.hold("no/such", true, "me", "").error().code == Errc::not_found);
}

TEST_CASE("stream: a run whose time is over while it waits ends timed out and leaves the queue") {
  persistence::MemoryStore store;
  Host host(store);
  host.with(ScriptedTool(until_cancelled)).up();
  auto entry = entry_of(1, 5);
  entry.timeout = Millis{1};
  REQUIRE(declare(*host.engine, entry, PlanBuilder("a").plan()).has_value());
  const auto first = trigger(*host.engine);
  const auto second = trigger(*host.engine);
  REQUIRE(second.has_value());
  CHECK(host.end_of(first->run) == "timed_out");
  CHECK(host.end_of(second->run) == "timed_out");
}

TEST_CASE("rest: a run that waits for a person leaves memory, is still live, and goes on when it is answered") {
  persistence::MemoryStore store;
  PlanBuilder builder("ab");
  builder.edge('a', 'b');
  builder['b'].permission = workflow::Permission::ask;
  ScriptedTool tool;
  Seen seen;
  Host host(store);
  host.with(tool).up();
  const auto run = host.start(builder.plan());
  REQUIRE(host.engine->follow(run, 1, seen.callback()).has_value());
  CHECK(seen.wait_for("approval_requested b"));
  for (int i = 0; i < 3; ++i) {
    CHECK(host.engine->live_runs() == std::vector<RunId>{run});
    CHECK(host.tell(run, ApprovalGiven{7, true, "me", ""}).value_or({}).empty());
  }
  CHECK(!host.tell(run, ApprovalGiven{1, true, "me", ""}).value_or({}).empty());
  CHECK(host.end_of(run) == "completed");
  CHECK(tool.nodes() == Lines{"a", "b"});
}

TEST_CASE("rest: a run that is told something again and again while it asks to rest is one actor, and ends") {
  persistence::MemoryStore store;
  PlanBuilder plan("a");
  plan['a'].permission = workflow::Permission::ask;
  Host host(store);
  host.with(ScriptedTool()).up();
  const auto run = host.start(plan.plan());
  for (int i = 0; i < 300; ++i) {
    CHECK(host.tell(run, PauseAsked{"again", false}).value_or({}).size() == 1);
    CHECK(host.tell(run, ResumeAsked{"me"}).value_or({}).size() >= 1);
  }
  CHECK(!host.tell(run, ApprovalGiven{0, true, "me", ""}).value_or({}).empty());
  CHECK(host.end_of(run) == "completed");
}

TEST_CASE("rest: a paused run with a deadline is woken by it") {
  persistence::MemoryStore store;
  Host host(store);
  host.with(ScriptedTool(until_cancelled)).up();
  StartRun request;
  request.plan = PlanBuilder("a").plan();
  request.workflow_text = "{}";
  request.inputs = Json::from_canonical("{}");
  request.workspace = "/";
  request.deadline = SystemClock().utc_now() + Millis{2'000};
  const auto run = host.engine->start(std::move(request));
  REQUIRE(run.has_value());
  CHECK(!host.tell(*run, PauseAsked{"later", true}).value_or({}).empty());
  CHECK(host.end_of(*run) == "timed_out");
}

}  // namespace
}  // namespace hillstar::testing
