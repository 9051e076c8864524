// SPDX-License-Identifier: Apache-2.0
#include "actors/replay.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "messages/call_names.hpp"
#include "persistence/event_codec.hpp"
#include "runtime/run/run.hpp"
#include "tests/support/engine_host.hpp"
#include "tests/support/scripted_transport.hpp"

using namespace hillstar;
using namespace hillstar::testing;

namespace {

const char* const kAnswer =
    "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"},\"finish_reason\":\"stop\"}],"
    "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\ndata: [DONE]\n\n";

/// a asks a model, b is a script that gets its answer.
struct Ran {
  std::shared_ptr<persistence::MemoryStore> store = std::make_shared<persistence::MemoryStore>();
  RunId run;

  Ran() {
    PlanBuilder builder("ab");
    builder.edge('a', 'b');
    builder['a'].tool = "model_call";
    builder['a'].provider = "lab";
    builder['a'].model = "tiny";
    builder['a'].input = Json::string("a question");
    builder['b'].input = Json::string("<{{ a.output }}>");
    builder['b'].sources = {"a"};
    auto plan = *builder.plan();
    plan.model_config =
        Json::from_canonical(R"({"custom_providers":{"lab":{"endpoint":"http://127.0.0.1:9","type":"custom"}}})");
    Host host(*store);
    host.with(ScriptedTool(), false);
    host.options.transport =
        std::make_shared<ScriptedTransport>([](const providers::HttpRequest&) { return std::string(kAnswer); });
    host.up();
    run = host.start(std::make_shared<const workflow::Plan>(std::move(plan)));
    REQUIRE(host.end_of(run) == "completed");
  }

  /// The same history with events as `change` makes them, in a store of its own with all blobs but `left_out`.
  template <class Change>
  std::shared_ptr<persistence::MemoryStore> altered(Change change) const {
    auto other = std::make_shared<persistence::MemoryStore>();
    auto history = store->read(run).value();
    persistence::Append append;
    append.run = run;
    persistence::Hash hash{};
    for (auto& recorded : history) {
      if (const auto* started = std::get_if<RunStarted>(&recorded.event)) {
        (void)other->put_blob(store->read_blob(started->plan_sha256).value());
        (void)other->put_blob(store->read_blob(started->workflow_sha256).value());
        REQUIRE(started->routes_sha256);
        (void)other->put_blob(store->read_blob(*started->routes_sha256).value());
      }
      if (auto* completed = std::get_if<NodeCompleted>(&recorded.event)) {
        const auto names = names_in(completed->detail);
        for (const auto& name : {names.request, names.reply})
          if (!name.empty()) (void)other->put_blob(store->read_blob(name).value());
        change(*completed, *other);
      }
      append.records.push_back(persistence::encode(run, recorded.seq, recorded.at, recorded.event, hash));
      hash = append.records.back().hash;
    }
    append.summary = store->summary(run).value();
    REQUIRE(other->commit({append}));
    return other;
  }
};

CallNames names_of(const NodeCompleted& completed) { return names_in(completed.detail); }

}  // namespace

TEST_CASE("replay: a run comes about again, and the store stays as it was") {
  const Ran ran;
  const auto head = ran.store->head();
  const auto report = replay_offline(ran.store, ran.run, {});
  REQUIRE_MESSAGE(report, (report ? "" : to_string(report.error())));
  CHECK(report->differences_count == 0);
  CHECK(report->unrecorded.empty());
  CHECK(report->status == "completed");
  CHECK(report->nodes == 2);
  CHECK(report->attempts == 2);
  CHECK(report->calls == 1);
  CHECK(report->tools == 1);
  CHECK(report->tools_run == 0);
  CHECK(report->results_sha256.size() == 64);
  CHECK(ran.store->head() == head);
}

TEST_CASE("replay: a request that is rendered otherwise, and a reply that gives another result") {
  const Ran ran;
  const auto other = ran.altered([](NodeCompleted& completed, persistence::MemoryStore& store) {
    auto names = names_of(completed);
    if (names.request.empty()) return;
    auto reply = store.read_blob(names.reply).value();
    reply.replace(reply.find("hello"), 5, "hallo");
    names.reply = store.put_blob(reply).value();
    names.request = store.put_blob(R"({"body":{},"method":"POST"})").value();
    completed.detail = with_names(completed.detail, names);
  });
  const auto report = replay_offline(other, ran.run, {});
  REQUIRE(report);
  REQUIRE(report->differences_count == 2);
  CHECK(report->differences[0].unit == "a");
  CHECK(report->differences[0].kind == run::DifferenceKind::request);
  CHECK(report->differences[0].recorded == R"({"body":{},"method":"POST"})");
  CHECK(report->differences[1].kind == run::DifferenceKind::result);
  CHECK(report->differences[1].now.find("hallo") != std::string::npos);
  CHECK(report->results_sha256 != replay_offline(ran.store, ran.run, {})->results_sha256);
}

TEST_CASE("replay: calls that were not kept are named, and taken as they were") {
  const Ran ran;
  const auto other = ran.altered([](NodeCompleted& completed, persistence::MemoryStore&) { completed.detail.reset(); });
  const auto report = replay_offline(other, ran.run, {});
  REQUIRE(report);
  CHECK(report->differences_count == 0);
  CHECK(report->unrecorded == std::vector<std::string>{"a"});
  CHECK(report->calls == 0);
}

TEST_CASE("replay: a record that is missing or is none ends it, with the node") {
  const Ran ran;
  for (const bool missing : {true, false}) {
    const auto other = ran.altered([missing](NodeCompleted& completed, persistence::MemoryStore& store) {
      auto names = names_of(completed);
      if (names.request.empty()) return;
      names.reply = missing ? std::string(64, '0') : store.put_blob("{}").value();
      completed.detail = with_names(completed.detail, names);
    });
    const auto report = replay_offline(other, ran.run, {});
    REQUIRE_FALSE(report);
    CHECK(report.error().where.starts_with("node a, attempt 1"));
    CHECK(report.error().code == (missing ? Errc::blob_missing : Errc::json_type));
  }
  CHECK(replay_offline(ran.store, RunId("01JDCKP8Q0M7T3X5Z9B2N4V6W8"), {}).error().code == Errc::run_not_found);
}

TEST_CASE("replay: tools run only if they are told to") {
  const Ran ran;
  ReplayOptions options;
  options.run_tools = true;
  options.workspace = "/";
  // The standard tools have no script for this node: it fails, which is seen.
  const auto report = replay_offline(ran.store, ran.run, options);
  REQUIRE(report);
  CHECK(report->tools_run == 1);
  REQUIRE_FALSE(report->differences.empty());
  CHECK(report->differences[0].unit == "b");
  CHECK(report->differences[0].kind == run::DifferenceKind::end);
}
