// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/id_source.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "runtime/platform/clock.hpp"
#include "runtime/run/child.hpp"

using namespace hillstar;

TEST_CASE("id source: a new run id is a ULID that begins with the time") {
  SystemIdSource ids;
  CHECK(is_run_id(ids.new_run(UtcTime{0}).str()));
  CHECK(ids.new_run(UtcTime{0}).str().substr(0, 10) == "0000000000");
  // The example of the ULID specification: 1469918176385 ms.
  CHECK(ids.new_run(UtcTime{1469918176385'000}).str().substr(0, 10) == "01ARYZ6S41");
}

TEST_CASE("id source: later ids sort later, also within a millisecond and when the clock goes back") {
  SystemIdSource ids;
  std::string last;
  for (const std::int64_t micros : {5'000, 5'000, 5'999, 4'000, 0, 5'000, 6'000, 5'500}) {
    for (int i = 0; i < 300; ++i) {
      const auto id = ids.new_run(UtcTime{micros}).str();
      REQUIRE(is_run_id(id));
      REQUIRE(id > last);
      last = id;
    }
  }
}

TEST_CASE("id source: threads never get the same id") {
  SystemIdSource ids;
  std::vector<std::vector<std::string>> made(4);
  std::vector<std::thread> threads;
  for (auto& list : made)
    threads.emplace_back([&ids, &list] {
      for (int i = 0; i < 500; ++i) list.push_back(ids.new_run(UtcTime{1'000}).str());
    });
  for (auto& thread : threads) thread.join();
  std::set<std::string> all;
  for (const auto& list : made) all.insert(list.begin(), list.end());
  CHECK(all.size() == 2000);
}

TEST_CASE("id source: negative and far times stay in the range of a ULID") {
  SystemIdSource ids;
  CHECK(is_run_id(ids.new_run(UtcTime{-1}).str()));
  CHECK(is_run_id(ids.new_run(UtcTime{INT64_MAX}).str()));
}

TEST_CASE("id source: chances lie in their range and differ") {
  SystemIdSource ids;
  std::set<std::uint32_t> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto chance = ids.chance_ppm();
    REQUIRE(chance < 1'000'000);
    seen.insert(chance);
  }
  CHECK(seen.size() > 900);
}

TEST_CASE("is_run_id: refuses what is no ULID") {
  CHECK(is_run_id("01ARYZ6S41TSV4RRFFQ69G5FAV"));
  CHECK(is_run_id("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"));
  CHECK_FALSE(is_run_id("8ZZZZZZZZZZZZZZZZZZZZZZZZZ"));
  CHECK_FALSE(is_run_id("01ARYZ6S41TSV4RRFFQ69G5FA"));
  CHECK_FALSE(is_run_id("01ARYZ6S41TSV4RRFFQ69G5FAVX"));
  CHECK_FALSE(is_run_id("01aryz6s41tsv4rrffq69g5fav"));
  CHECK_FALSE(is_run_id("01ARYZ6S41TSV4RRFFQ69G5FAU"));
  CHECK_FALSE(is_run_id(""));
}

TEST_CASE("clock: both clocks run") {
  const SystemClock clock;
  CHECK(clock.utc_now().micros > 1'700'000'000'000'000);
  const auto before = clock.steady_now();
  CHECK(clock.steady_now() >= before);
}

TEST_CASE(
    "id source: the id of a run inside a run follows from the run above, the node, the item and the failed attempts") {
  SystemIdSource ids;
  const auto above = ids.new_run(UtcTime{1'700'000'000'000'000});
  const auto one = derived_run(above, run::child_name(NodeId("review"), std::nullopt, 0));
  CHECK(is_run_id(one.str()));
  CHECK(one.str().substr(0, 10) == above.str().substr(0, 10));
  CHECK(one == derived_run(above, "review#1"));
  std::set<RunId> all{above, one};
  for (std::uint32_t i = 0; i < 100; ++i) {
    CHECK(all.insert(derived_run(above, run::child_name(NodeId("review"), i, 0))).second);
    CHECK(all.insert(derived_run(above, run::child_name(NodeId("review"), std::nullopt, i + 1))).second);
    CHECK(all.insert(derived_run(ids.new_run(UtcTime{1'700'000'000'000'000}), "review#1")).second);
  }
}
