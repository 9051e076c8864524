// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/scope.hpp"

#include <doctest/doctest.h>

namespace hillstar::stream {
namespace {

StateChanged change(std::string key, std::uint64_t version, std::optional<RunId> run = {}) {
  StateChanged fact;
  fact.cells = {{std::move(key), version, Json::from_canonical("1"), false}};
  fact.run = std::move(run);
  if (fact.run) fact.key = request_key(*fact.run, NodeId("n"), {});
  return fact;
}

}  // namespace

TEST_CASE("scope: a history begins with what it is of, and its versions follow") {
  ScopeState state;
  CHECK_THROWS_AS(evolve(state, change("a", 1), {}), InvariantError);
  state = {};
  evolve(state, StateOpened{StateScope::stream, "w/e"}, UtcTime{5});
  evolve(state, change("a", 1), UtcTime{6});
  CHECK(state.version == 2);
  CHECK(state.cells.count() == 1);
  const auto row = row_of(state, RunId("V"));
  CHECK(row.status == "state");
  CHECK(row.reason == "w/e");
  CHECK(row.started_at == UtcTime{5});
  CHECK_THROWS_AS(evolve(state, change("b", 2), {}), InvariantError);
  CHECK_THROWS_AS(evolve(state, StateOpened{}, {}), InvariantError);
  CHECK_THROWS_AS(evolve(state, RunPaused{}, {}), InvariantError);
  CHECK(name_of("") == "store");
}

TEST_CASE("scope: requests of runs are known until the run has ended, and those of people never") {
  DoneRequests done;
  done.note(change("a", 1), 2);
  CHECK(done.size() == 0);
  done.note(change("a", 2, RunId("r1")), 3);
  done.note(change("a", 3, RunId("r2")), 4);
  CHECK(done.find(request_key(RunId("r1"), NodeId("n"), {})) == 3);
  CHECK_FALSE(done.find(request_key(RunId("r1"), NodeId("n"), 0)));
  CHECK_FALSE(done.needs_sweep());
  done.sweep([](const RunId& run) { return run.str() == "r1"; });
  CHECK_FALSE(done.find(request_key(RunId("r1"), NodeId("n"), {})));
  CHECK(done.find(request_key(RunId("r2"), NodeId("n"), {})) == 4);
}

TEST_CASE("scope: the sweep comes with many requests, and later if it frees nothing") {
  DoneRequests done;
  std::size_t sent = 0;
  while (!done.needs_sweep()) {
    ++sent;
    done.note(change("a", 1, RunId("r" + std::to_string(sent))), sent);
  }
  CHECK(sent == DoneRequests::kSweepAt);
  done.sweep([](const RunId&) { return false; });
  CHECK_FALSE(done.needs_sweep());
  CHECK(done.size() == sent);
}

TEST_CASE("scope: a run shares the state of its stream, unless it says another") {
  RunStarted started;
  CHECK(shared_stream_of(started).empty());
  started.trigger.emplace().stream = "w/e";
  CHECK(shared_stream_of(started) == "w/e");
  started.state_stream = "w/f";
  CHECK(shared_stream_of(started) == "w/f");
}

}  // namespace hillstar::stream
