// SPDX-License-Identifier: Apache-2.0
#include "apps/telemetry/exporter.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <set>

#include "apps/telemetry/span_source.hpp"
#include "messages/json.hpp"
#include "runtime/run/run.hpp"
#include "tests/support/engine_host.hpp"
#include "tests/support/scripted_transport.hpp"

using namespace hillstar;
using namespace hillstar::testing;
using namespace hillstar::telemetry;
namespace bj = boost::json;

namespace {

struct Bench {
  explicit Bench(ScriptedTransport::Script script = [](const auto&) { return "{}"; })
      : transport(std::make_shared<ScriptedTransport>(std::move(script))) {
    options.settings.traces.url = "http://collector:4318/v1/traces";
    options.settings.resource = {{{"service.name", std::string("test")}}, "1"};
    options.settings.delay = Millis(1);
    options.transport = transport;
    options.farewell = Millis(60'000);
    options.log = [this](const std::string& line) {
      const std::lock_guard lock(mutex);
      lines.push_back(line);
    };
  }
  void start(Engine& engine) {
    auto made = Exporter::start(engine, options);
    REQUIRE_MESSAGE(made, (made ? std::string() : to_string(made.error())));
    exporter = *std::move(made);
  }
  /// Names of nodes and run by span id; a span that was sent twice fails.
  std::map<std::string, std::string> spans() const {
    std::map<std::string, std::string> found;
    for (const auto& request : transport->requests()) {
      const auto body = json::parse(request.body);
      REQUIRE(body);
      for (const auto& span : body->at_pointer("/resourceSpans/0/scopeSpans/0/spans").as_array())
        CHECK(found.emplace(span.at("spanId").as_string().c_str(), span.at("name").as_string().c_str()).second);
    }
    return found;
  }

  ExporterOptions options;
  std::shared_ptr<ScriptedTransport> transport;
  std::mutex mutex;
  std::vector<std::string> lines;
  std::unique_ptr<Exporter> exporter;
};

/// A store with one run of three nodes.
RunId make_run(persistence::MemoryStore& store) {
  Host host(store);
  host.with(ScriptedTool{}).up();
  const auto run = host.start(PlanBuilder("abc").edge('a', 'b').edge('b', 'c').plan());
  CHECK(host.end_of(run) == "completed");
  return run;
}

}  // namespace

TEST_CASE("exporter: what an engine commits reaches the collector, with the ids that follow from the run") {
  persistence::MemoryStore store;
  Host host(store);
  auto& engine = host.with(ScriptedTool{}).up();
  Bench bench;
  bench.start(engine);
  const auto run = host.start(PlanBuilder("ab").edge('a', 'b').plan());
  CHECK(host.end_of(run) == "completed");
  engine.stop();
  CHECK(bench.exporter->counts().dropped == 0);
  bench.exporter.reset();
  const auto spans = bench.spans();
  CHECK(spans.size() == 3);
  CHECK(spans.count(attempt_span_id(run, NodeId("a"), std::nullopt, 1)) == 1);
  CHECK(spans.count(attempt_span_id(run, NodeId("b"), std::nullopt, 1)) == 1);
  CHECK(spans.at(run_trace(run, std::nullopt).self.span_id) == "invoke_workflow test");
  CHECK(bench.lines.empty());
}

TEST_CASE("exporter: a collector that never answers keeps nobody, and is given up at the end") {
  persistence::MemoryStore store;
  Host host(store);
  auto& engine = host.with(ScriptedTool{}).up();
  Bench bench([](const auto&) { return ""; });
  bench.options.farewell = Millis(200);
  bench.options.settings.queue_max = 4;
  bench.options.settings.batch_max = 2;
  bench.start(engine);
  for (int i = 0; i < 20; ++i) CHECK(host.run(PlanBuilder("ab").edge('a', 'b').plan()) == "completed");
  engine.stop();
  bench.exporter.reset();
  const std::lock_guard lock(bench.mutex);
  std::set<std::string> said(bench.lines.begin(), bench.lines.end());
  CHECK(said.size() == bench.lines.size());  // each only once
  CHECK_FALSE(bench.lines.empty());
}

TEST_CASE("exporter: what is air-gapped is told to nobody who was not declared") {
  persistence::MemoryStore store;
  Host host(store);
  auto& engine = host.with(ScriptedTool{}).up();
  Bench bench;
  bench.options.reach.endpoints = std::vector<std::string>{"elsewhere:4318"};
  bench.options.always_air_gapped = true;
  const auto refused = Exporter::start(engine, bench.options);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::air_gapped);
  bench.options.reach.endpoints = std::vector<std::string>{"collector:4318"};
  bench.start(engine);
  CHECK(host.run(PlanBuilder("a").plan()) == "completed");
  engine.stop();
  bench.exporter.reset();
  REQUIRE_FALSE(bench.transport->requests().empty());
  CHECK(bench.transport->requests().front().reach->endpoints == bench.options.reach.endpoints);
}

TEST_CASE("exporter: an address that is none is refused") {
  persistence::MemoryStore store;
  Host host(store);
  auto& engine = host.with(ScriptedTool{}).up();
  Bench bench;
  bench.options.settings.traces.url = "http://user:pass@collector/v1/traces";
  const auto refused = Exporter::start(engine, bench.options);
  REQUIRE_FALSE(refused);
  CHECK(to_string(refused.error()).find("pass@") == std::string::npos);
}

TEST_CASE("span source: a run that was begun elsewhere is told from where it goes on") {
  persistence::MemoryStore store;
  const auto run = make_run(store);
  const auto history = *store.read(run);
  SpanSource all(store, {});
  const auto whole = *all.all_of(run);
  REQUIRE(whole.size() == 4);
  for (std::size_t cut = 1; cut < history.size(); ++cut) {
    SpanSource source(store, {});
    std::vector<Span> ended;
    REQUIRE(source.take(run, {history.begin() + static_cast<std::ptrdiff_t>(cut), history.end()}, ended));
    REQUIRE_FALSE(ended.empty());
    CHECK(ended.back().context == whole.back().context);
    CHECK(ended.back().start == whole.back().start);
    CHECK(ended.size() <= whole.size());
  }
}

TEST_CASE("span source: commits that were missed are made up for, spans included, and none is told twice") {
  persistence::MemoryStore store;
  const auto run = make_run(store);
  const auto history = *store.read(run);
  const auto whole = *SpanSource(store, {}).all_of(run);
  for (std::size_t missed = 1; missed + 2 < history.size(); ++missed) {
    SpanSource source(store, {});
    std::vector<Span> ended;
    REQUIRE(source.take(run, {history.front()}, ended));
    REQUIRE(source.take(run, {history.front()}, ended));  // again: nothing
    REQUIRE(source.take(run, {history.begin() + 1 + static_cast<std::ptrdiff_t>(missed), history.end()}, ended));
    CHECK(ended.size() == whole.size());
  }
}

TEST_CASE("span source: with room for one run, many are told of all the same") {
  persistence::MemoryStore store;
  const auto one = make_run(store);
  const auto two = make_run(store);
  SpanSource source(store, {}, 1);
  source.since = UtcTime{0};
  std::vector<Span> ended;
  const auto first = *store.read(one);
  const auto second = *store.read(two);
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) REQUIRE(source.take(one, {first[i]}, ended));
    if (i < second.size()) REQUIRE(source.take(two, {second[i]}, ended));
  }
  std::set<std::string> ids;
  for (const auto& span : ended) CHECK(ids.insert(span.context.span_id).second);
  CHECK(ids.size() == 8);
}

TEST_CASE("span source: what an engine did before anybody watched is told, if it is since then") {
  persistence::MemoryStore store;
  const auto run = make_run(store);
  const auto history = *store.read(run);
  SpanSource source(store, {});
  source.since = history.front().at;
  std::vector<Span> ended;
  REQUIRE(source.take(run, {history.back()}, ended));
  CHECK(ended.size() == 4);
}

TEST_CASE("span source: histories that are no runs, and runs that are not there, are errors or nothing") {
  persistence::MemoryStore store;
  SpanSource source(store, {});
  std::vector<Span> ended;
  CHECK(source.take(RunId("01K0000000000000000000RXN1"), {}, ended));
  CHECK_FALSE(source.take(RunId("01K0000000000000000000RXN1"), {{5, UtcTime{1}, RunCompleted{}}}, ended));
  CHECK_FALSE(source.all_of(RunId("01K0000000000000000000RXN1")));
  CHECK(source.trace_of(RunId("01K0000000000000000000RXN1")) ==
        run_trace(RunId("01K0000000000000000000RXN1"), std::nullopt));
}
