// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "persistence/rocksdb_store.hpp"
#include "tests/support/engine_host.hpp"
#include "tests/support/forwarding_store.hpp"

using namespace hillstar;
using namespace hillstar::testing;
using Lines = std::vector<std::string>;

namespace {

struct TempDir {
  TempDir() {
    auto pattern = (std::filesystem::temp_directory_path() / "hillstar_engine_XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path;
};

bool has(const Lines& lines, const std::string& line) { return std::count(lines.begin(), lines.end(), line) != 0; }

/// A store whose disk is full.
class BrokenStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Result<std::vector<std::size_t>> commit(const std::vector<persistence::Append>&) override {
    return Error{Errc::store_write, "the disk is full"};
  }
};

/// A store whose histories fold into nothing: reading a whole one fails, pages of records are fine.
class UnreadableStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  [[nodiscard]] Result<std::vector<Recorded>> read(const RunId& run) const override {
    return Error{Errc::chain_broken, "the chain is broken", run.str()};
  }
  [[nodiscard]] Result<std::vector<persistence::Record>> read_records(const RunId& run, std::uint64_t from,
                                                                      std::size_t limit) const override {
    if (from == 1) return ForwardingStore::read_records(run, from, limit);
    return Error{Errc::chain_broken, "the chain is broken"};
  }
  [[nodiscard]] Result<std::string> read_blob(const std::string& sha256) const override {
    return Error{Errc::blob_missing, "the blob is gone", sha256};
  }
};

/// Runs a and stops the engine while b runs; the run is left behind in the store.
RunId leave_behind(persistence::EventStore& store, const std::shared_ptr<const workflow::Plan>& plan) {
  ScriptedTool tool([](const auto& call, const auto& context) {
    return call.node == "b" ? until_cancelled(call, context) : said("done");
  });
  Host host(store);
  host.with(tool).up();
  const auto run = host.start(plan);
  REQUIRE(tool.wait_for_calls(2));
  return run;
}

}  // namespace

TEST_CASE("recovery: a new engine goes on where the last one stopped, and repeats no node that completed") {
  const auto plan = PlanBuilder("abc").edge('a', 'b').edge('b', 'c').plan();
  const auto check = [&](persistence::EventStore& store) {
    const auto run = leave_behind(store, plan);
    ScriptedTool tool;
    Host host(store);
    host.with(tool).up();
    CHECK(host.end_of(run) == "completed");
    CHECK(tool.nodes() == Lines{"b", "c"});
    CHECK(tool.calls().front().attempt == 2);
    CHECK(has(host.history(run), "node_attempt_lost b"));
  };
  SUBCASE("in memory") {
    persistence::MemoryStore store;
    check(store);
  }
  SUBCASE("on disk") {
    const TempDir folder;
    auto store = persistence::RocksStore::open(folder.path + "/store", {});
    REQUIRE(store);
    check(**store);
  }
}

TEST_CASE("recovery: a lost attempt that must not be repeated waits for a person") {
  persistence::MemoryStore store;
  PlanBuilder builder("abc");
  builder.edge('a', 'b').edge('b', 'c');
  builder['b'].effect = workflow::Effect::once;
  const auto run = leave_behind(store, builder.plan());
  ScriptedTool tool;
  Host host(store);
  host.with(tool).up();
  Seen seen;
  REQUIRE(host.engine->follow(run, 1, seen.callback()));
  REQUIRE(seen.wait_for("run_paused b"));
  CHECK(tool.calls().empty());
  CHECK(host.engine->live_runs() == std::vector<RunId>{run});
  REQUIRE(host.tell(run, Resolved{1, std::nullopt, Settlement::run_again, "ann", "checked"}));
  (void)host.tell(run, ResumeAsked{"ann"});
  CHECK(host.end_of(run) == "completed");
  host.engine.reset();
}

TEST_CASE("recovery: a run that has ended is not live, and cannot be told anything") {
  persistence::MemoryStore store;
  RunId run;
  {
    Host host(store);
    host.with(ScriptedTool()).up();
    run = host.start(PlanBuilder("a").plan());
    REQUIRE(host.end_of(run) == "completed");
  }
  Host host(store);
  host.with(ScriptedTool()).up();
  CHECK(host.engine->live_runs().empty());
  CHECK(host.tell(run, CancelAsked{"ann", "late"}).error().code == Errc::run_state);
  CHECK(host.tell(RunId("01JNOSUCHRUN00000000000000"), CancelAsked{"ann", ""}).error().code == Errc::run_not_found);
}

TEST_CASE("recovery: a commit that fails ends the process, through the handler it was given") {
  persistence::MemoryStore memory;
  BrokenStore store(memory);
  Gate fatal;
  Host host(store);
  host.options.on_fatal = [&](const Error& error) {
    CHECK(error.code == Errc::store_write);
    fatal.open();
  };
  host.options.cancel_grace = Millis(1);
  ScriptedTool tool;
  host.with(tool).up();
  Gate answered;
  StartRun request;
  request.plan = PlanBuilder("a").plan();
  host.engine->start_async(std::move(request), [&](const Result<RunId>& run) {
    CHECK_FALSE(run);
    answered.open();
  });
  CHECK(fatal.wait());
  host.engine.reset();
  CHECK(answered.wait());  // nobody waits for ever
  // Write before effect: what is not durable is not done.
  CHECK(tool.calls().empty());
}

TEST_CASE("feed: a follower from the middle gets every later event once, in order") {
  persistence::MemoryStore store;
  Gate gate;
  ScriptedTool tool([&](const auto& call, const auto&) {
    if (call.node == "b") gate.wait();
    return said("done");
  });
  Seen seen;
  Host host(store);
  host.with(tool).up();
  const auto run = host.start(PlanBuilder("abc").edge('a', 'b').edge('b', 'c').plan());
  REQUIRE(tool.wait_for_calls(2));
  const auto ticket = host.engine->follow(run, 3, seen.callback());
  REQUIRE(ticket);
  gate.open();
  REQUIRE(seen.wait_for("run_completed"));
  std::uint64_t next = 3;
  for (const auto& item : seen.items()) CHECK(std::get<FeedEvent>(item).recorded.seq == next++);
  CHECK(next == host.history(run).size() + 1);
  host.engine->unfollow(*ticket);
  CHECK(host.engine->follow(RunId("01JNOSUCHRUN00000000000000"), 1, seen.callback()).error().code ==
        Errc::run_not_found);
}

TEST_CASE("feed: a follower that does not take its items is cut off") {
  persistence::MemoryStore store;
  Gate gate;
  Gate caught_up;
  ScriptedTool tool([&](const auto&, const auto&) {
    gate.wait();
    return said("done");
  });
  Host host(store);
  host.options.follower_queue_max = 3;
  host.with(tool).up();
  const auto run = host.start(PlanBuilder("abcdef").edge('a', 'b').edge('b', 'c').edge('c', 'd').edge('d', 'e').plan());
  Gate release;
  Gate cut;
  REQUIRE(host.engine->follow(run, 1, [&](const FeedItem& item) {
    if (std::holds_alternative<FeedCut>(item)) return cut.open();
    caught_up.open();
    release.wait();
  }));
  REQUIRE(caught_up.wait());
  gate.open();
  CHECK(host.end_of(run) == "completed");  // nobody waits for a slow follower
  release.open();
  CHECK(cut.wait());
  host.engine.reset();
}

TEST_CASE("engine: stop ends running scripts and leaves no process") {
  persistence::MemoryStore store;
  Host host(store);
  host.options.catalog = tools::standard_catalog();
  host.up();
  PlanBuilder builder("a");
  builder['a'].parameters = Json::from_canonical(R"({"script":"while :; do echo $$; sleep 0.05; done"})");
  const auto run = host.start(builder.plan());
  Seen seen;
  REQUIRE(host.engine->follow(run, 1, seen.callback()));
  // It prints the number of its process again and again.
  REQUIRE(seen.wait([](const std::vector<FeedItem>& items) {
    return std::any_of(items.begin(), items.end(),
                       [](const FeedItem& item) { return std::holds_alternative<Progress>(item); });
  }));
  host.engine->stop();
  host.engine.reset();
  for (const auto& item : seen.items())
    if (const auto* progress = std::get_if<Progress>(&item)) CHECK(::kill(std::atoi(progress->text.c_str()), 0) != 0);
  const auto summary = store.summary(run);
  REQUIRE(summary);
  CHECK(summary->status == "running");  // resumable
}

TEST_CASE("recovery: without recovers_all an interrupted run goes on only when it is named") {
  persistence::MemoryStore store;
  const auto run = leave_behind(store, PlanBuilder("ab").edge('a', 'b').plan());
  ScriptedTool tool;
  Host host(store);
  host.options.recovers_all = false;
  host.with(tool).up();
  CHECK(host.engine->live_runs().empty());
  REQUIRE(host.engine->set_environment(run, {}).has_value());
  CHECK(host.end_of(run) == "completed");
  CHECK(tool.nodes() == Lines{"b"});
}

TEST_CASE("recovery: a run whose history cannot be read is parked, and its follower is told why") {
  persistence::MemoryStore store;
  auto orphan = leave_behind(store, PlanBuilder("ab").edge('a', 'b').plan());
  UnreadableStore damaged(store);
  Seen seen;
  Host host(damaged);
  host.options.recovers_all = false;
  host.up();
  REQUIRE(host.engine->follow(orphan, 1, seen.callback()).has_value());
  // It may be parked before it can answer.
  static_cast<void>(host.engine->set_environment(orphan, {}));
  CHECK(seen.wait([](const std::vector<FeedItem>& items) {
    return std::any_of(items.begin(), items.end(),
                       [](const FeedItem& item) { return std::holds_alternative<RunParked>(item); });
  }));
}
