// SPDX-License-Identifier: Apache-2.0
#include "actors/engine.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <stdexcept>

#include "tests/support/engine_host.hpp"
#include "tests/support/scripted_transport.hpp"

using namespace hillstar;
using namespace hillstar::testing;
using Lines = std::vector<std::string>;

namespace {

bool has(const Lines& lines, const std::string& line) { return std::count(lines.begin(), lines.end(), line) != 0; }

}  // namespace

TEST_CASE("engine: a chain runs in order and hands results on") {
  for (const bool blocks : {true, false}) {
    persistence::MemoryStore store;
    ScriptedTool tool([](const auto& call, const auto&) { return said(call.input.text + "+" + call.node); });
    Host host(store);
    host.with(tool, blocks).up();
    PlanBuilder plan("abc");
    plan.edge('a', 'b').edge('b', 'c');
    plan['a'].input = Json::string("start");
    plan['b'].input = Json::string("{{ a.output }}");
    plan['b'].sources = {"a"};
    plan['c'].input = Json::string("{{ b.output }}");
    plan['c'].sources = {"b"};
    const auto run = host.start(plan.plan());
    CHECK(host.end_of(run) == "completed");
    const auto calls = tool.calls();
    REQUIRE(calls.size() == 3);
    CHECK(calls[2].input.text == "start+a+b");
    CHECK(calls[1].idempotency_key == run.str() + "/b");
    CHECK(calls[1].attempt_key == run.str() + "/b/1");
    CHECK(host.history(run) == Lines{"run_started", "node_scheduled a", "node_completed a", "node_scheduled b",
                                     "node_completed b", "node_scheduled c", "node_completed c", "run_completed"});
    CHECK(host.engine->live_runs().empty());
  }
}

TEST_CASE("engine: the join of a diamond waits for both sides") {
  persistence::MemoryStore store;
  ScriptedTool tool;
  Host host(store);
  host.with(tool).up();
  PlanBuilder plan("abcd");
  plan.edge('a', 'b').edge('a', 'c').edge('b', 'd').edge('c', 'd');
  CHECK(host.run(plan.plan()) == "completed");
  const auto nodes = tool.nodes();
  REQUIRE(nodes.size() == 4);
  CHECK(nodes.front() == "a");
  CHECK(nodes.back() == "d");
}

TEST_CASE("engine: a map runs its tool once for each item of the list") {
  persistence::MemoryStore store;
  ScriptedTool tool;
  Host host(store);
  host.with(tool).up();
  PlanBuilder plan("m");
  plan['m'].map.emplace();
  plan['m'].map->for_each = Json::from_canonical(R"(["x","y","z"])");
  plan['m'].input = Json::string("{{ item }}");
  const auto run = host.start(plan.plan());
  CHECK(host.end_of(run) == "completed");
  auto nodes = tool.nodes();
  std::sort(nodes.begin(), nodes.end());
  CHECK(nodes == Lines{"m[0]", "m[1]", "m[2]"});
}

TEST_CASE("engine: a failed node fails its run, and what it left is recorded") {
  persistence::MemoryStore store;
  Host host(store);
  host.with(ScriptedTool([](const auto&, const auto&) { return broke(FailureClass::exit_code); })).up();
  PlanBuilder plan("ab");
  plan.edge('a', 'b');
  const auto run = host.start(plan.plan());
  CHECK(host.end_of(run) == "failed");
  CHECK(has(host.history(run), "node_attempt_failed a"));
  CHECK_FALSE(has(host.history(run), "node_scheduled b"));
}

TEST_CASE("engine: an attempt that failed is made again after its wait") {
  persistence::MemoryStore store;
  ScriptedTool tool([](const auto& call, const auto&) {
    return call.attempt < 3 ? broke(FailureClass::network) : said("third time");
  });
  Host host(store);
  host.with(tool).up();
  PlanBuilder plan("a");
  plan['a'].retry.attempts = 3;
  plan['a'].retry.backoff = Millis(1);
  CHECK(host.run(plan.plan()) == "completed");
  CHECK(tool.calls().size() == 3);
}

TEST_CASE("engine: long strings of a result become blobs and are read back where they are named") {
  persistence::MemoryStore store;
  const std::string text(kInlineBytesMax + 1, 'x');
  ScriptedTool tool([&](const auto& call, const auto&) { return said(call.node == "a" ? text : "b"); });
  Host host(store);
  host.with(tool).up();
  PlanBuilder plan("ab");
  plan.edge('a', 'b');
  plan['b'].input = Json::string("{{ a.output }}");
  plan['b'].sources = {"a"};
  const auto run = host.start(plan.plan());
  CHECK(host.end_of(run) == "completed");
  CHECK(tool.calls().back().input.text == text);
  const auto recorded_events = store.read(run);
  REQUIRE(recorded_events);
  for (const auto& recorded : *recorded_events)
    if (const auto* completed = std::get_if<NodeCompleted>(&recorded.event); completed && completed->node.str() == "a")
      CHECK(completed->result.blobs.size() == 1);
}

TEST_CASE("engine: an approval is asked, and the answer returns its durable facts") {
  persistence::MemoryStore store;
  ScriptedTool tool;
  Host host(store);
  host.with(tool).up();
  PlanBuilder plan("a");
  plan['a'].permission = workflow::Permission::ask;
  const auto run = host.start(plan.plan());
  Seen seen;
  REQUIRE(host.engine->follow(run, 1, seen.callback()));
  REQUIRE(seen.wait_for("approval_requested a"));
  CHECK(tool.calls().empty());
  const auto facts = host.tell(run, ApprovalGiven{0, true, "ann", "fine"});
  REQUIRE_MESSAGE(facts, (facts ? "" : to_string(facts.error())));
  CHECK(facts->size() >= 1);
  CHECK(host.end_of(run) == "completed");
  host.engine.reset();
}

TEST_CASE("engine: nothing starts while a run is paused") {
  persistence::MemoryStore store;
  Gate gate;
  ScriptedTool tool([&](const auto& call, const auto&) {
    if (call.node == "a") gate.wait();
    return said("done");
  });
  Host host(store);
  host.with(tool).up();
  PlanBuilder plan("ab");
  plan.edge('a', 'b');
  const auto run = host.start(plan.plan());
  Seen seen;
  REQUIRE(host.engine->follow(run, 1, seen.callback()));
  REQUIRE(tool.wait_for_calls(1));
  REQUIRE(host.tell(run, PauseAsked{"lunch", false}));
  gate.open();
  REQUIRE(seen.wait_for("node_completed a"));
  CHECK(tool.calls().size() == 1);
  REQUIRE(host.tell(run, ResumeAsked{"ann"}));
  CHECK(host.end_of(run) == "completed");
  CHECK(tool.calls().size() == 2);
  host.engine.reset();
}

TEST_CASE("engine: a cancelled run stops its tools, also one that waits for a slot") {
  persistence::MemoryStore store;
  ScriptedTool tool(until_cancelled);
  Host host(store);
  host.options.script_slots = 1;
  host.with(tool).up();
  const auto run = host.start(PlanBuilder("ab").width(2).plan());
  REQUIRE(tool.wait_for_calls(1));
  const auto facts = host.tell(run, CancelAsked{"ann", "enough"});
  REQUIRE(facts);
  CHECK_FALSE(facts->empty());
  // The slot of the first may pass to the second before its own cancellation comes: it then ends at once.
  CHECK(host.end_of(run) == "cancelled");
  const auto again = host.tell(run, CancelAsked{"ann", "again"});
  REQUIRE_FALSE(again);
  CHECK(again.error().code == Errc::run_state);
}

TEST_CASE("engine: a cancelled attempt that does not answer counts as cancelled after the grace time") {
  persistence::MemoryStore store;
  Gate gate;
  ScriptedTool tool([&](const auto&, const auto&) {
    gate.wait();
    return said("late");
  });
  Host host(store);
  host.options.cancel_grace = Millis(1);
  host.with(tool).up();
  const auto run = host.start(PlanBuilder("a").plan());
  REQUIRE(tool.wait_for_calls(1));
  REQUIRE(host.tell(run, CancelAsked{"ann", "enough"}));
  CHECK(host.end_of(run) == "cancelled");
  gate.open();
}

TEST_CASE("engine: a node whose actor dies is lost, and runs again") {
  persistence::MemoryStore store;
  for (const bool blocks : {true, false}) {
    ScriptedTool tool([](const auto& call, const auto&) -> tools::ToolReply {
      if (call.attempt == 1) throw std::runtime_error("the tool has a bug");
      return said("done");
    });
    Host host(store);
    host.with(tool, blocks).up();
    const auto run = host.start(PlanBuilder("a").plan());
    CHECK(host.end_of(run) == "completed");
    CHECK(has(host.history(run), "node_attempt_lost a"));
  }
}

TEST_CASE("engine: many runs of one plan share its texts") {
  persistence::MemoryStore store;
  Host host(store);
  host.with(ScriptedTool(), false).up();
  const auto plan = PlanBuilder("ab").edge('a', 'b').plan();
  std::vector<RunId> runs;
  for (int i = 0; i < 50; ++i) runs.push_back(host.start(plan));
  for (const auto& run : runs) CHECK(host.end_of(run) == "completed");
}

TEST_CASE("engine: a model call goes through the pool and comes back as a result") {
  persistence::MemoryStore store;
  auto transport = std::make_shared<ScriptedTransport>([](const providers::HttpRequest&) {
    return std::string(
        "data: {\"id\":\"r1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"}}]}\n\n"
        "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],"
        "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\n"
        "data: [DONE]\n\n");
  });
  Host host(store);
  host.options.transport = transport;
  host.with(ScriptedTool()).up();
  PlanBuilder builder("a");
  builder['a'].tool = "model_call";
  builder['a'].provider = "bench";
  builder['a'].model = "m";
  builder['a'].input = Json::string("hi");
  auto plan = *builder.plan();
  plan.model_config = Json::from_canonical(
      R"({"custom_providers":{"bench":{"endpoint":"http://127.0.0.1:9","model_name":"m","type":"custom"}}})");
  const auto run = host.start(std::make_shared<const workflow::Plan>(plan));
  CHECK(host.end_of(run) == "completed");
  REQUIRE(transport->requests().size() == 1);
  const auto recorded_events = store.read(run);
  REQUIRE(recorded_events);
  for (const auto& recorded : *recorded_events) {
    const auto* completed = std::get_if<NodeCompleted>(&recorded.event);
    if (completed == nullptr) continue;
    CHECK(completed->result.json.text().find(R"("output":"hello")") != std::string::npos);
    CHECK(completed->result.json.text().find(R"("tokens_used":5)") != std::string::npos);
    REQUIRE(completed->usage);
    CHECK(completed->usage->input_tokens == 3);
  }
}

TEST_CASE("engine: a model call in flight is cancelled with its run") {
  persistence::MemoryStore store;
  Gate gate;
  Host host(store);
  host.options.transport = std::make_shared<ScriptedTransport>([&](const providers::HttpRequest&) {
    gate.open();
    return std::string();
  });
  host.with(ScriptedTool()).up();
  PlanBuilder builder("a");
  builder['a'].tool = "model_call";
  builder['a'].provider = "bench";
  builder['a'].model = "m";
  auto plan = *builder.plan();
  plan.model_config = Json::from_canonical(
      R"({"custom_providers":{"bench":{"endpoint":"http://127.0.0.1:9","model_name":"m","type":"custom"}}})");
  const auto run = host.start(std::make_shared<const workflow::Plan>(plan));
  REQUIRE(gate.wait());
  REQUIRE(host.tell(run, CancelAsked{"ann", "enough"}));
  CHECK(host.end_of(run) == "cancelled");
}

TEST_CASE("engine: who follows late is given what attempts in flight have said, once and without a gap") {
  persistence::MemoryStore store;
  Gate said_some;
  Gate go_on;
  ScriptedTool tool([&](const auto&, const tools::ToolContext& context) {
    for (int i = 0; i < 3'000; ++i) context.progress("line " + std::to_string(i) + "\n");
    said_some.open();
    go_on.wait();
    for (int i = 3'000; i < 3'100; ++i) context.progress("line " + std::to_string(i) + "\n");
    return said("done");
  });
  Host host(store);
  host.with(tool).up();
  const auto run = host.start(PlanBuilder("a").plan());
  REQUIRE(said_some.wait());
  Seen seen;
  REQUIRE(host.engine->follow(run, 1, seen.callback()).has_value());
  CHECK(seen.wait([](const std::vector<FeedItem>& items) {
    return std::any_of(items.begin(), items.end(), [](const auto& item) { return std::get_if<Progress>(&item); });
  }));
  go_on.open();
  CHECK(host.end_of(run) == "completed");
  CHECK(seen.wait_for("run_completed"));
  std::string text;
  std::uint64_t end = 0;
  for (const auto& item : seen.items())
    if (const auto* piece = std::get_if<Progress>(&item)) {
      if (!text.empty()) CHECK(piece->offset == end);
      CHECK(piece->end == piece->offset + piece->text.size());
      end = piece->end;
      text += piece->text;
    }
  CHECK(text.size() <= 4'096 + 100 * std::string("line 3000\n").size());
  CHECK(text.size() > 4'000);
  CHECK(text.find("line 2999\nline 3000\n") != std::string::npos);
  // What has ended is in the history; nothing of it is kept.
  Seen late;
  REQUIRE(host.engine->follow(run, 1, late.callback()).has_value());
  CHECK(late.wait_for("run_completed"));
  for (const auto& item : late.items()) CHECK(std::get_if<Progress>(&item) == nullptr);
}

TEST_CASE("engine: work between commits goes on step by step while runs run, one at a time") {
  persistence::MemoryStore store;
  Host host(store);
  host.with(ScriptedTool()).up();
  Gate begun;
  std::atomic<bool> over{false};
  std::atomic<int> steps{0};
  auto work = std::async(std::launch::async, [&] {
    return host.engine->between_commits([&]() -> Result<bool> {
      ++steps;
      begun.open();
      return !over;
    });
  });
  REQUIRE(begun.wait());
  for (int i = 0; i < 20; ++i) CHECK(host.run(PlanBuilder("ab").plan()) == "completed");
  CHECK(host.engine->between_commits([] { return Result<bool>(false); }).error().code == Errc::run_state);
  over = true;
  CHECK(work.get().has_value());
  CHECK(steps > 1);
  const auto failed = host.engine->between_commits([] { return Result<bool>(Error{Errc::usage, "nothing to do"}); });
  CHECK(failed.error().code == Errc::usage);
  CHECK(host.engine->between_commits([] { return Result<bool>(false); }).has_value());
  // What is under way when the engine stops is answered.
  auto left = std::async(std::launch::async,
                         [&] { return host.engine->between_commits([&]() -> Result<bool> { return true; }); });
  host.engine->stop();
  CHECK(!left.get().has_value());
}
