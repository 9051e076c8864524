// SPDX-License-Identifier: Apache-2.0
#include "persistence/run_start.hpp"

#include <doctest/doctest.h>

#include "persistence/memory_store.hpp"
#include "tests/unit/persistence/histories.hpp"

using namespace hillstar;
using namespace hillstar::persistence;
using namespace hillstar::persistence::testing;

TEST_CASE("run start: the first event of a run says how it was started") {
  RunStarted started;
  started.workflow = WorkflowId("growth");
  const std::vector<Recorded> history{{1, at(1), started}, {2, at(2), event(2)}};
  const auto found = run_start(history, run_id(1));
  REQUIRE(found);
  CHECK(*found == std::get_if<RunStarted>(&history.front().event));
}

TEST_CASE("run start: a history that begins with something else is said to be corrupt") {
  CHECK(run_start({}, run_id(1)).error().code == Errc::record_corrupt);
  const auto other = run_start({{1, at(1), event(1)}}, run_id(1));
  REQUIRE_FALSE(other);
  CHECK(other.error().code == Errc::record_corrupt);
  CHECK(other.error().where == run_id(1).str());
}

TEST_CASE("run start: the store is asked for the first record only") {
  MemoryStore store;
  CHECK(read_run_start(store, run_id(1)).error().code == Errc::run_not_found);
  Writer writer(run_id(1));
  REQUIRE(store.commit({writer.append(2)}));
  CHECK(read_run_start(store, run_id(1)).error().code == Errc::record_corrupt);
}
