// SPDX-License-Identifier: Apache-2.0
// Streams over a real engine: what is accepted is durable, waits in order, and survives.
#include <doctest/doctest.h>

#include <future>
#include <set>
#include <string>
#include <vector>

#include "actors/trigger_service.hpp"
#include "runtime/stream/quota.hpp"
#include "tests/support/engine_host.hpp"

namespace hillstar::testing {
namespace {

using Lines = std::vector<std::string>;

EntryPoint entry_of(std::uint32_t concurrent, std::uint32_t queued, Overflow overflow = Overflow::reject) {
  EntryPoint entry;
  entry.id = "e";
  entry.max_concurrent = concurrent;
  entry.max_queued = queued;
  entry.overflow = overflow;
  return entry;
}

Result<StreamStatus> declare(Engine& engine, EntryPoint entry, std::shared_ptr<const workflow::Plan> plan) {
  DeclareStream request;
  request.entry = std::move(entry);
  request.plan = std::move(plan);
  request.workflow_text = "{}";
  request.workspace = "/";
  request.declared_by = "tester";
  return engine.declare(std::move(request));
}

std::future<Result<Accepted>> offer(Engine& engine, TriggerRun trigger = {}) {
  auto promise = std::make_shared<std::promise<Result<Accepted>>>();
  trigger.stream = "test/e";
  trigger.started_by = "tester";
  engine.trigger_async(std::move(trigger), [promise](Result<Accepted> done) { promise->set_value(std::move(done)); });
  return promise->get_future();
}
Result<Accepted> trigger(Engine& engine, TriggerRun what = {}) { return offer(engine, std::move(what)).get(); }
TriggerRun with_key(std::string key) {
  TriggerRun what;
  what.key = std::move(key);
  return what;
}

StreamStatus status_of(const Engine& engine) {
  const auto all = engine.streams();
  REQUIRE(all.size() == 1);
  return all.front();
}

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

TEST_CASE("stream: a quota of runs holds, also over restarts, and says when there is room") {
  persistence::MemoryStore store;
  auto entry = entry_of(4, 10);
  entry.quota = Quota{3, {}, {}, {}};
  for (int start = 0; start < 2; ++start) {
    Host host(store);
    host.with(ScriptedTool()).up();
    REQUIRE(declare(*host.engine, entry, PlanBuilder("a").plan()).has_value());
    for (int i = 0; start == 0 && i < 3; ++i) {
      const auto accepted = trigger(*host.engine, with_key("k" + std::to_string(i)));
      REQUIRE(accepted.has_value());
      CHECK(host.end_of(accepted->run) == "completed");
    }
    auto request = with_key("k3");
    const auto room = request.room_at = std::make_shared<std::optional<UtcTime>>();
    const auto refused = offer(*host.engine, std::move(request)).get();
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code == Errc::rate_limited);
    REQUIRE(room->has_value());
    CHECK(**room > SystemClock().utc_now());
    CHECK(**room <= SystemClock().utc_now() + stream::kQuotaHour);
    // What was accepted before is no further run.
    const auto again = trigger(*host.engine, with_key("k1"));
    REQUIRE(again.has_value());
    CHECK(again->repeated);
    const auto status = status_of(*host.engine);
    REQUIRE(status.quota_used);
    CHECK(status.quota_used->runs_hour == 3);
    REQUIRE(status.refusals.size() == 1);
    CHECK(status.refusals[0].why.find("runs_per_hour") != std::string::npos);
    CHECK(status.refused == 1);
  }
  Host host(store);
  host.with(ScriptedTool()).up();
  entry.quota->runs_per_hour = 4;
  REQUIRE(declare(*host.engine, entry, PlanBuilder("a").plan()).has_value());
  CHECK(trigger(*host.engine).has_value());
  CHECK(trigger(*host.engine).error().code == Errc::rate_limited);
  entry.quota.reset();
  REQUIRE(declare(*host.engine, entry, PlanBuilder("a").plan()).has_value());
  CHECK(trigger(*host.engine).has_value());
}

TEST_CASE("stream: a quota of bytes counts the records that are there, also after a restart") {
  persistence::MemoryStore store;
  auto entry = entry_of(4, 10);
  entry.quota = Quota{{}, {}, {}, 1};
  std::uint64_t bytes = 0;
  for (int start = 0; start < 2; ++start) {
    Host host(store);
    host.with(ScriptedTool()).up();
    REQUIRE(declare(*host.engine, entry, PlanBuilder("a").plan()).has_value());
    // The stream is told of an end after everybody else.
    auto answer = trigger(*host.engine);
    for (; answer && start == 0; answer = trigger(*host.engine)) {
      CHECK(host.end_of(answer->run) == "completed");
      for (const auto& record : *store.read_records(answer->run, 1, 100)) bytes += record.line.size();
    }
    REQUIRE(!answer.has_value());
    CHECK(answer.error().code == Errc::rate_limited);
    if (start == 0) continue;
    CHECK(status_of(*host.engine).quota_used->stored_bytes == bytes);
    CHECK(host.engine->between_commits([] { return Result<bool>(false); }).has_value());
    CHECK(status_of(*host.engine).quota_used->stored_bytes == bytes);
  }
}

TEST_CASE("stream: a timer beyond its quota fires without a run, and that is recorded") {
  persistence::MemoryStore store;
  Host host(store);
  host.with(ScriptedTool()).up();
  auto entry = entry_of(4, 10);
  entry.trigger = TriggerKind::timer;
  entry.timer.emplace();
  entry.timer->every = Millis(50);
  entry.quota = Quota{1, {}, {}, {}};
  const auto declared = declare(*host.engine, entry, PlanBuilder("a").plan());
  REQUIRE(declared.has_value());
  Seen seen;
  REQUIRE(host.engine->follow(declared->history, 1, seen.callback()).has_value());
  auto service = TriggerService::start(*host.engine, nullptr, {});
  REQUIRE(service.has_value());
  CHECK(seen.wait([](const std::vector<FeedItem>& items) {
    int runs = 0;
    int skipped = 0;
    for (const auto& item : items) {
      const auto* event = std::get_if<FeedEvent>(&item);
      const auto* fired = event == nullptr ? nullptr : std::get_if<TimerFired>(&event->recorded.event);
      if (fired == nullptr) continue;
      if (fired->run) ++runs;
      if (fired->skipped && fired->skipped->find("runs_per_hour") != std::string::npos) ++skipped;
    }
    return runs == 1 && skipped >= 2;
  }));
}

TEST_CASE("stream: a chain that ended is counted") {
  persistence::MemoryStore store;
  Host host(store);
  host.with(ScriptedTool()).up();
  REQUIRE(declare(*host.engine, entry_of(1, 1), PlanBuilder("a").plan()).has_value());
  host.engine->end_chain("test/e", "too deep");
  host.engine->end_chain("no/such", "too deep");
  const auto status = status_of(*host.engine);
  CHECK(status.chains_ended == 1);
  REQUIRE(status.refusals.size() == 1);
  CHECK(status.refusals[0].why == "too deep");
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
  request.deadline = SystemClock().utc_now() + Millis{300};
  const auto run = host.engine->start(std::move(request));
  REQUIRE(run.has_value());
  CHECK(!host.tell(*run, PauseAsked{"later", true}).value_or({}).empty());
  CHECK(host.end_of(*run) == "timed_out");
}

}  // namespace
}  // namespace hillstar::testing
