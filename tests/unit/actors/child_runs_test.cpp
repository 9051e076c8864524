// SPDX-License-Identifier: Apache-2.0
// Runs inside runs, with a real engine over a store in memory: started once, found again, stopped with what they are
// in.
#include <doctest/doctest.h>

#include <atomic>
#include <set>

#include "persistence/run_start.hpp"
#include "runtime/platform/id_source.hpp"
#include "runtime/run/child.hpp"
#include "runtime/telemetry/trace_context.hpp"
#include "runtime/workflow/children.hpp"
#include "runtime/workflow/compile.hpp"
#include "tests/support/engine_host.hpp"

using namespace hillstar;
using namespace hillstar::testing;

namespace {

std::string node(const std::string& id, const std::string& rest) { return "\"" + id + "\":{" + rest + "}"; }
std::string script(const std::string& id, const std::string& more = "") {
  return node(id, R"("tool":"script_run","parameters":{"script":"true"},"input":")" + id + "\"" + more);
}
std::string runs(const std::string& id, const std::string& file, const std::string& more = "") {
  return node(id, R"("tool":"workflow_run","parameters":{"workflow":")" + file + "\"}" + more);
}
workflow::Plan plan_of(const std::string& id, const std::string& nodes) {
  const auto compiled = workflow::compile(R"({"id":")" + id + R"(","graph":{"edges":[],"nodes":{)" + nodes + "}}}");
  REQUIRE_MESSAGE(compiled.plan, (compiled.diagnostics.empty() ? "" : to_string(compiled.diagnostics[0], id)));
  return *compiled.plan;
}

/// The plan with the workflows that it runs, by file.
std::shared_ptr<const workflow::Plan> with(workflow::Plan plan, const std::map<std::string, std::string>& files) {
  for (const auto& [file, nodes] : files) {
    workflow::ChildWorkflow child;
    child.file = child.path = file;
    child.text = "{}";
    child.plan = workflow::to_text(plan_of(file, nodes));
    plan.children.push_back(std::move(child));
  }
  return std::make_shared<const workflow::Plan>(std::move(plan));
}

std::vector<run::Summary> parts_of(const persistence::EventStore& store, const RunId& run) {
  persistence::RunQuery asked;
  asked.above = run;
  const auto page = store.query(asked);
  REQUIRE(page);
  return page->rows;
}

}  // namespace

TEST_CASE("child_runs: an attempt is a run, and its result is the node's") {
  persistence::MemoryStore store;
  Host host(store);
  host.with(ScriptedTool()).up();
  const auto run = host.start(with(plan_of("top", runs("sub", "sub.json")), {{"sub.json", script("leaf")}}));
  CHECK(host.end_of(run) == "completed");
  const auto parts = parts_of(store, run);
  REQUIRE(parts.size() == 1);
  CHECK(parts[0].run == derived_run(run, "sub#1"));
  CHECK(parts[0].status == "completed");
  CHECK(parts[0].above->run == run);
  const auto history = store.read(run);
  REQUIRE(history);
  const auto& ended = std::get<NodeCompleted>((*history)[2].event);
  CHECK(ended.result.json.text().find(R"("output":"leaf")") != std::string::npos);
  CHECK(ended.detail->text().find(parts[0].run.str()) != std::string::npos);
}

TEST_CASE("child_runs: what is inside hangs below the attempt that asked for it in the trace") {
  persistence::MemoryStore store;
  Host host(store);
  host.options.tracing = telemetry::Sampler{};
  host.with(ScriptedTool()).up();
  const auto run =
      host.start(with(plan_of("top", runs("sub", "sub.json", R"(,"for_each":[1,2])")), {{"sub.json", script("leaf")}}));
  CHECK(host.end_of(run) == "completed");
  const auto parts = parts_of(store, run);
  REQUIRE(parts.size() == 2);
  const auto above = telemetry::run_trace(run, std::nullopt).self;
  std::set<std::string> parents;
  for (const auto& part : parts) {
    const auto started = persistence::read_run_start(store, part.run);
    REQUIRE(started);
    const auto trace = telemetry::run_trace(part.run, *started);
    CHECK(trace.self.trace_id == above.trace_id);
    parents.insert(trace.parent_span_id);
  }
  CHECK(parents == std::set{telemetry::attempt_span_id(run, NodeId("sub"), 0, 1),
                            telemetry::attempt_span_id(run, NodeId("sub"), 1, 1)});
}

TEST_CASE("child_runs: three deep, over a list, with one turn at a time") {
  persistence::MemoryStore store;
  Host host(store);
  host.with(ScriptedTool()).up();
  auto plan = plan_of("top", runs("sub", "b.json", R"(,"for_each":[1,2,3,4,5])"));
  plan.max_concurrency = 1;
  const auto run =
      host.start(with(plan, {{"b.json", runs("x", "c.json") + "," + runs("y", "c.json")}, {"c.json", script("leaf")}}));
  CHECK(host.end_of(run) == "completed");
  const auto parts = parts_of(store, run);
  CHECK(parts.size() == 5);
  for (const auto& part : parts) CHECK(parts_of(store, part.run).size() == 2);
}

TEST_CASE("child_runs: a failure inside is one outside, and another attempt is another run") {
  persistence::MemoryStore store;
  Host host(store);
  std::atomic<int> calls = 0;
  host.with(ScriptedTool([&](const auto& call, const auto&) {
        return ++calls == 1 ? broke(FailureClass::exit_code) : said(call.input.text);
      }))
      .up();
  const auto run = host.start(with(plan_of("top", runs("sub", "sub.json", R"(,"retry":{"attempts":2,"backoff":0})")),
                                   {{"sub.json", script("leaf")}}));
  CHECK(host.end_of(run) == "completed");
  CHECK(store.summary(derived_run(run, "sub#1"))->status == "failed");
  CHECK(store.summary(derived_run(run, "sub#2"))->status == "completed");
}

TEST_CASE("child_runs: a cancellation ends what is inside first") {
  persistence::MemoryStore store;
  Host host(store);
  ScriptedTool tool(until_cancelled);
  host.with(tool).up();
  const auto run = host.start(
      with(plan_of("top", runs("sub", "b.json")), {{"b.json", runs("x", "c.json")}, {"c.json", script("leaf")}}));
  REQUIRE(tool.wait_for_calls(1));
  REQUIRE(host.tell(run, CancelAsked{"me", "enough"}));
  CHECK(host.end_of(run) == "cancelled");
  const auto inner = derived_run(run, "sub#1");
  CHECK(store.summary(inner)->status == "cancelled");
  CHECK(store.summary(derived_run(inner, "x#1"))->status == "cancelled");
}

TEST_CASE("child_runs: another engine finds the runs of the one before, and starts none twice") {
  persistence::MemoryStore store;
  const auto plan =
      with(plan_of("top", runs("sub", "b.json")), {{"b.json", runs("x", "c.json")}, {"c.json", script("leaf")}});
  std::optional<RunId> run;
  {
    Host host(store);
    ScriptedTool tool(until_cancelled);
    host.with(tool).up();
    run = host.start(plan);
    REQUIRE(tool.wait_for_calls(1));
  }
  Host host(store);
  host.with(ScriptedTool()).up();
  CHECK(host.end_of(*run) == "completed");
  const auto inner = derived_run(*run, "sub#1");
  CHECK(parts_of(store, *run).size() == 1);
  CHECK(parts_of(store, inner).size() == 1);
  CHECK(host.history(*run) ==
        std::vector<std::string>{"run_started", "node_scheduled sub", "node_completed sub", "run_completed"});
}

TEST_CASE("child_runs: what is paused inside with the run goes on with it") {
  persistence::MemoryStore store;
  Host host(store);
  std::atomic<bool> waits = true;
  ScriptedTool tool([&](const auto& call, const tools::ToolContext& context) {
    return waits ? until_cancelled(call, context) : said(call.input.text);
  });
  host.with(tool).up();
  const auto run = host.start(with(plan_of("top", runs("sub", "sub.json")), {{"sub.json", script("leaf")}}));
  REQUIRE(tool.wait_for_calls(1));
  Seen seen;
  REQUIRE(host.engine->follow(run, 1, seen.callback()));
  REQUIRE(host.tell(run, PauseAsked{"later", true}));
  REQUIRE(seen.wait_for("node_cancelled sub"));
  CHECK(store.summary(derived_run(run, "sub#1"))->status == "paused");
  waits = false;
  REQUIRE(host.tell(run, ResumeAsked{"me"}));
  CHECK(host.end_of(run) == "completed");
  CHECK(parts_of(store, run).size() == 1);
}

TEST_CASE("child_runs: a plan without the workflow that it runs fails the node with a reason") {
  persistence::MemoryStore store;
  Host host(store);
  host.with(ScriptedTool()).up();
  const auto run = host.start(with(plan_of("top", runs("sub", "sub.json")), {}));
  CHECK(host.end_of(run) == "failed");
  CHECK(parts_of(store, run).empty());
}
