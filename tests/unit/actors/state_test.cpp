// SPDX-License-Identifier: Apache-2.0
// State that runs share, over a real engine: every change happens once, in order, and survives.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "persistence/state_histories.hpp"
#include "runtime/workflow/compile.hpp"
#include "tests/support/engine_host.hpp"

namespace hillstar::testing {
namespace {

std::shared_ptr<const workflow::Plan> plan_of(const std::string& nodes, const std::string& edges = "") {
  auto compiled = workflow::compile(R"({"id":"test","graph":{"nodes":{)" + nodes + R"(},"edges":[)" + edges + "]}}");
  for (const auto& diagnostic : compiled.diagnostics) INFO(diagnostic.message);
  REQUIRE(compiled.plan.has_value());
  return std::make_shared<const workflow::Plan>(*std::move(compiled.plan));
}

Result<RunId> start(Engine& engine, std::shared_ptr<const workflow::Plan> plan,
                    std::optional<Isolation> isolation = Isolation::shared) {
  StartRun request;
  request.plan = std::move(plan);
  request.workflow_text = "{}";
  request.inputs = Json::from_canonical("{}");
  request.workspace = "/";
  request.started_by = "tester";
  request.isolation = isolation;
  return engine.start(std::move(request));
}

Result<Json> ask(Engine& engine, StateOperation operation, std::string stream = {}) {
  AskState request;
  request.stream = std::move(stream);
  request.request = {StateScope::store, operation.op, {operation}, OnConflict::fail, false};
  request.who = "ann";
  return engine.ask_state(std::move(request));
}
std::string value_of(Engine& engine, const std::string& key) {
  const auto answer = ask(engine, {StateOp::get, key, {}, {}, {}});
  REQUIRE(answer);
  return answer->text();
}

const std::string kAdd = R"("a":{"tool":"state","parameters":{"op":"add","scope":"store","key":"n"}})";

}  // namespace

TEST_CASE("shared state: a hundred runs that add one make a hundred") {
  persistence::MemoryStore store;
  Host host(store);
  host.up();
  const auto plan = plan_of(kAdd);
  std::vector<RunId> runs;
  for (int i = 0; i < 100; ++i) {
    const auto run = start(*host.engine, plan);
    REQUIRE(run);
    runs.push_back(*run);
  }
  for (const auto& run : runs) CHECK(host.end_of(run) == "completed");
  CHECK(value_of(*host.engine, "n") == R"({"found":true,"output":100,"value":100,"version":100})");
  host.engine.reset();
  const auto scope = persistence::read_scope(store, "");
  REQUIRE(scope);
  CHECK(scope->state.version == 101);
  CHECK(scope->done.size() == 100);
}

TEST_CASE("shared state: who asks again, as after a crash, is answered and changes nothing") {
  persistence::MemoryStore store;
  Host host(store);
  host.up();
  const auto run = start(*host.engine, plan_of(kAdd));
  REQUIRE(run);
  CHECK(host.end_of(*run) == "completed");
  host.engine.reset();
  // As if the process had died before the run heard the answer: its history ends with node_scheduled.
  persistence::MemoryStore cut;
  const auto copy = [&](const RunId& id, std::size_t records, run::Summary row) {
    persistence::Append append;
    append.run = id;
    append.records = *store.read_records(id, 1, records);
    row.version = append.records.size();
    append.summary = std::move(row);
    REQUIRE(cut.commit({append})->empty());
  };
  const auto history = persistence::state_history("");
  copy(history, 100, *store.summary(history));
  auto row = *store.summary(*run);
  row.status = "running";
  copy(*run, 2, row);
  const auto started = std::get<RunStarted>(store.read(*run)->front().event);
  for (const auto& sha256 : {started.plan_sha256, started.workflow_sha256})
    REQUIRE(cut.put_blob(*store.read_blob(sha256)));
  Host again(cut);
  again.up();
  CHECK(again.end_of(*run) == "completed");
  CHECK(value_of(*again.engine, "n") == R"({"found":true,"output":1,"value":1,"version":1})");
  const auto lines = again.history(*run);
  CHECK(lines == std::vector<std::string>{"run_started", "node_scheduled a", "node_attempt_lost a",
                                          "node_scheduled a #2", "node_completed a #2", "run_completed"});
}

TEST_CASE("shared state: what a run may not see is refused at its start") {
  persistence::MemoryStore store;
  Host host(store);
  host.up();
  CHECK_FALSE(start(*host.engine, plan_of(kAdd), std::nullopt));
  const auto put = R"("a":{"tool":"state","parameters":{"op":"put","scope":"store","key":"n","value":1}})";
  CHECK_FALSE(start(*host.engine, plan_of(put), Isolation::synchronized));
  CHECK(start(*host.engine, plan_of(put), Isolation::shared));
  const auto stream = R"("a":{"tool":"state","parameters":{"op":"get","scope":"stream","key":"n"}})";
  CHECK_FALSE(start(*host.engine, plan_of(stream), Isolation::shared));
}

TEST_CASE("shared state: a conflict is a result that conditions see") {
  persistence::MemoryStore store;
  Host host(store);
  host.up();
  REQUIRE(ask(*host.engine, {StateOp::put, "n", Json::string("theirs"), {}, {}}));
  const auto plan = plan_of(
      R"("a":{"tool":"state","parameters":{"op":"cas","scope":"store","key":"n","value":"mine","expected_version":0,
              "on_conflict":"result"}},
         "b":{"tool":"state","input":"{{ a.value }}","parameters":{"op":"put","key":"seen"},
              "when":{"node":"a","contains":"\"conflict\":true"}})");
  const auto run = start(*host.engine, plan);
  REQUIRE(run);
  CHECK(host.end_of(*run) == "completed");
  const auto history = *store.read(*run);
  bool seen = false;
  for (const auto& recorded : history)
    if (const auto* change = std::get_if<StateChanged>(&recorded.event)) {
      seen = true;
      CHECK(change->cells.front().value == Json::string("theirs"));
    }
  CHECK(seen);
}

TEST_CASE("shared state: a person changes it by version, and is told why not") {
  persistence::MemoryStore store;
  Host host(store);
  host.up();
  CHECK(ask(*host.engine, {StateOp::put, "a", Json::from_canonical("1"), 0, {}}));
  const auto conflict = ask(*host.engine, {StateOp::put, "a", Json::from_canonical("2"), 0, {}});
  REQUIRE_FALSE(conflict);
  CHECK(conflict.error().code == Errc::state_conflict);
  CHECK(ask(*host.engine, {StateOp::put, "a", Json::from_canonical("2"), 1, {}}));
  const auto unknown = ask(*host.engine, {StateOp::get, "a", {}, {}, {}}, "no/such");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code == Errc::not_found);
  const auto token = "ghp_" + std::string(36, 'A');
  const auto secret = ask(*host.engine, {StateOp::put, "a", Json::string(token), {}, {}});
  REQUIRE_FALSE(secret);
  CHECK(secret.error().code == Errc::credential_found);
}

TEST_CASE("shared state: runs of one stream share, and those of another do not") {
  persistence::MemoryStore store;
  Host host(store);
  host.up();
  const auto plan = plan_of(R"("a":{"tool":"state","parameters":{"op":"add","scope":"stream","key":"n"}})");
  const auto declare = [&](const std::string& id, Isolation isolation) {
    DeclareStream request;
    request.entry.id = id;
    request.entry.isolation = isolation;
    request.plan = plan;
    request.workflow_text = "{}";
    request.workspace = "/";
    request.declared_by = "tester";
    return host.engine->declare(std::move(request)).has_value();
  };
  CHECK_FALSE(declare("i", Isolation::isolated));
  REQUIRE(declare("e", Isolation::synchronized));
  REQUIRE(declare("f", Isolation::shared));
  std::vector<RunId> runs;
  std::mutex mutex;
  std::condition_variable more;
  for (const auto* stream : {"test/e", "test/e", "test/f"}) {
    TriggerRun trigger;
    trigger.stream = stream;
    trigger.inputs = Json::from_canonical("{}");
    host.engine->trigger_async(std::move(trigger), [&](const Result<Accepted>& accepted) {
      const std::lock_guard lock(mutex);
      runs.push_back(accepted ? accepted->run : RunId());
      more.notify_all();
    });
  }
  std::unique_lock lock(mutex);
  REQUIRE(more.wait_for(lock, kPatience, [&] { return runs.size() == 3; }));
  lock.unlock();
  for (const auto& run : runs) CHECK(host.end_of(run) == "completed");
  const auto of = [&](const std::string& stream) {
    return ask(*host.engine, {StateOp::get, "n", {}, {}, {}}, stream).value().text();
  };
  CHECK(of("test/e") == R"({"found":true,"output":2,"value":2,"version":2})");
  CHECK(of("test/f") == R"({"found":true,"output":1,"value":1,"version":1})");
  CHECK(store.states()->size() == 2);
  CHECK(store.streams()->size() == 2);
}

}  // namespace hillstar::testing
