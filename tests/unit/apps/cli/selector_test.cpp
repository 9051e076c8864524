// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/selector.hpp"

#include <doctest/doctest.h>

#include "persistence/memory_store.hpp"

namespace hillstar::cli {
namespace {

const char* const kOld = "01JDGE0000AAAAAAAAAAAAAAAA";
const char* const kMiddle = "01JDGE0000BBBBBBBBBBBBBBBB";
const char* const kNew = "01JDGF0000AAAAAAAAAAAAAAAA";

void add(persistence::MemoryStore& store, const char* run, const char* workflow) {
  persistence::Append append;
  append.run = RunId(run);
  append.records.push_back(persistence::encode(append.run, 1, {}, RunResumed{"me"}, {}));
  append.summary.run = append.run;
  append.summary.workflow = WorkflowId(workflow);
  append.summary.version = 1;
  const auto committed = store.commit({append});
  REQUIRE(committed);
  REQUIRE(committed->empty());
}

struct Runs {
  persistence::MemoryStore store;
  Runs() {
    add(store, kOld, "hello");
    add(store, kMiddle, "hello");
    add(store, kNew, "review");
  }
  std::string pick(std::string_view text) const {
    const auto row = select_run(store, text);
    return row ? row->run.str() : number(row.error().code);
  }
};

}  // namespace

TEST_CASE("select_run: a unique prefix in either case, a workflow's latest run, and latest") {
  const Runs runs;
  CHECK(runs.pick("01JDGF") == kNew);
  CHECK(runs.pick("01jdge0000b") == kMiddle);
  CHECK(runs.pick(kOld) == kOld);
  CHECK(runs.pick("hello") == kMiddle);
  CHECK(runs.pick("latest") == kNew);
}

TEST_CASE("select_run: what fits no run or several is refused by number, with the runs in the hint") {
  const Runs runs;
  CHECK(runs.pick("nothing") == "HS220");
  CHECK(runs.pick("01JDGE") == "HS221");
  CHECK(runs.pick("") == "HS700");
  const auto row = select_run(runs.store, "01JD");
  REQUIRE_FALSE(row);
  CHECK(row.error().hint.find(kOld) != std::string::npos);
  const persistence::MemoryStore empty;
  CHECK(select_run(empty, "latest").error().code == Errc::run_not_found);
}

}  // namespace hillstar::cli
