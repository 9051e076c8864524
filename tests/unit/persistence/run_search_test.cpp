// SPDX-License-Identifier: Apache-2.0
// Queries answered from indexes say what a look at every row says.
#include "persistence/run_search.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "persistence/migrations.hpp"
#include "persistence/repair.hpp"
#include "persistence/rocksdb_store.hpp"
#include "persistence/run_index.hpp"
#include "tests/unit/persistence/raw_access.hpp"

using namespace hillstar;
using namespace hillstar::persistence;
using namespace hillstar::persistence::testing;

namespace {

using Dice = std::mt19937_64;

template <class T>
const T& one_of(Dice& dice, const std::vector<T>& choices) {
  return choices[dice() % choices.size()];
}
bool chance(Dice& dice, unsigned percent) { return dice() % 100 < percent; }

const std::vector<std::string> kStatuses{"queued", "running", "waiting", "completed", "failed", "timed_out"};
const std::vector<std::string> kWorkflows{"a", "b", "a workflow with a name longer than sixteen bytes", ""};
const std::vector<std::string> kStreams{"a/main", "b/webhook", "s"};

UtcTime minute(std::uint64_t n) { return {1'700'000'000'000'000 + static_cast<std::int64_t>(n) * 60'000'000}; }

/// Some tell their start, some another time, some nothing.
RunId random_id(Dice& dice, UtcTime start, std::uint64_t n) {
  if (chance(dice, 20)) return run_id(n);
  const auto made = chance(dice, 20) ? minute(dice() % 1000) : UtcTime{start.micros - 1'000'000};
  const auto first = first_id_of(made);
  std::string text(first.data(), 10);
  char rest[17];
  std::snprintf(rest, sizeof rest, "%016llu", static_cast<unsigned long long>(n));
  return RunId(text + rest);
}

run::Summary random_row(Dice& dice, std::uint64_t n) {
  run::Summary row;
  row.started_at = minute(dice() % 1000);
  row.run = random_id(dice, row.started_at, n);
  row.workflow = WorkflowId(one_of(dice, kWorkflows));
  row.status = one_of(dice, kStatuses);
  if (chance(dice, 60)) row.stream = one_of(dice, kStreams);
  if (row.stream && chance(dice, 50)) row.key = "key " + std::to_string(n / 2);
  if (chance(dice, 30)) row.correlation = "c" + std::to_string(dice() % 5);
  if (chance(dice, 50)) row.labels["plate"] = std::to_string(dice() % 3);
  if (chance(dice, 20)) row.labels["site"] = std::string("north\0pole", 10);
  return row;
}

RunQuery random_query(Dice& dice, const std::vector<run::Summary>& rows) {
  RunQuery asked;
  while (chance(dice, 40)) asked.statuses.push_back(one_of(dice, kStatuses));
  if (chance(dice, 25)) asked.workflow = WorkflowId(one_of(dice, kWorkflows));
  if (chance(dice, 25)) asked.stream = one_of(dice, kStreams);
  if (chance(dice, 10)) asked.key = "key " + std::to_string(dice() % rows.size() / 2);
  if (chance(dice, 20)) asked.correlation = "c" + std::to_string(dice() % 6);
  if (chance(dice, 20)) asked.label = {"plate", std::to_string(dice() % 4)};
  if (chance(dice, 10)) asked.label = {"site", std::string("north\0pole", 10)};
  if (chance(dice, 30)) asked.since = minute(dice() % 1100);
  if (chance(dice, 30)) asked.until = minute(dice() % 1100);
  if (chance(dice, 30)) asked.before = one_of(dice, rows).run;
  if (chance(dice, 5)) asked.before = RunId(one_of(dice, rows).run.str().substr(0, dice() % 26));
  asked.limit = dice() % 30;
  return asked;
}

void commit_row(EventStore& store, Writer& writer, const run::Summary& row) {
  auto append = writer.append(1);
  const auto version = append.summary.version;
  append.summary = row;
  append.summary.version = version;
  REQUIRE(commit(store, std::move(append)));
}

std::vector<run::Summary> all_rows(const EventStore& store) {
  std::vector<run::Summary> rows;
  REQUIRE(store.list([&](const run::Summary& row) {
    rows.push_back(row);
    return true;
  }));
  return rows;
}

void compare(const RocksStore& store, const RunQuery& asked) {
  const auto found = store.query(asked);
  const auto expected = store.EventStore::query(asked);
  REQUIRE_MESSAGE(found, problem(found));
  REQUIRE(expected);
  CHECK(found->rows == expected->rows);
  CHECK(found->more == expected->more);
  CHECK(!found->problem);
}

}  // namespace

TEST_CASE("run search: any query finds what a look at every row finds, while runs change their status") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  Dice dice(seed);
  TempFolder folder;
  {
    // Small, so that rows of the indexes are in tables as well as in memory.
    const auto store = RocksStore::open(folder.store(), {.write_buffer_bytes = 64U << 10U}).value();
    std::vector<std::pair<Writer, run::Summary>> runs;
    for (std::uint64_t n = 0; n < 400; ++n) {
      const auto row = random_row(dice, n);
      runs.emplace_back(Writer(row.run), row);
      commit_row(*store, runs.back().first, row);
      for (int i = 0; i < 2; ++i) {
        auto& [writer, other] = runs[dice() % runs.size()];
        other.status = one_of(dice, kStatuses);
        commit_row(*store, writer, other);
      }
      if (n % 20 == 0) compare(*store, random_query(dice, {row}));
    }
    Writer stream(RunId("S0000000000000000000000001"));
    auto declared = random_row(dice, 1);
    declared.run = stream.run();
    declared.status = kStatuses.front();
    commit_row(*store, stream, declared);
    const auto rows = all_rows(*store);
    REQUIRE(rows.size() == 400);
    for (int i = 0; i < 600; ++i) compare(*store, random_query(dice, rows));
  }
  const auto store = RocksStore::open(folder.store()).value();
  const auto rows = all_rows(*store);
  for (int i = 0; i < 100; ++i) compare(*store, random_query(dice, rows));
  std::vector<RunId> open;
  REQUIRE(store->each({.statuses = open_statuses()}, [&](const run::Summary& row) {
    open.push_back(row.run);
    return true;
  }));
  CHECK(open.size() == static_cast<std::size_t>(std::count_if(rows.begin(), rows.end(),
                                                              [](const auto& row) { return !run::is_terminal(row); })));
  CHECK(verify_all(*store)->ok());
}

TEST_CASE("run search: a row that cannot be read is left out and told of") {
  TempFolder folder;
  {
    const auto store = RocksStore::open(folder.store()).value();
    for (std::uint64_t n = 1; n <= 3; ++n) REQUIRE(commit(*store, Writer(run_id(n)).append(1)));
  }
  tamper(folder.store(), [](Database& database) {
    rocksdb::WriteBatch batch;
    REQUIRE(batch.Put(slice(keys::run(run_id(2))), "{").ok());
    REQUIRE(database.write(batch, Sync::yes));
  });
  const auto store = RocksStore::open(folder.store()).value();
  for (const auto& statuses : {std::vector<std::string>{}, {"running"}}) {
    const auto page = store->query({.statuses = statuses});
    REQUIRE(page);
    CHECK(page->rows.size() == 2);
    REQUIRE(page->problem);
    CHECK(page->problem->code == Errc::record_corrupt);
    std::size_t seen = 0;
    const auto all = store->each({.statuses = statuses}, [&](const run::Summary&) { return ++seen > 0; });
    CHECK(code(all) == Errc::record_corrupt);
    CHECK(seen == 2);
  }
}

TEST_CASE("run index: the time of an id, and what is no id") {
  const UtcTime time{1'732'240'000'123'000};
  const auto id = first_id_of(time);
  CHECK(time_of_id({id.data(), id.size()}) == time);
  CHECK(!time_of_id("01JD"));
  CHECK(!time_of_id("S1JD0000000000000000000000U"));
  CHECK(!time_of_id("U1JD000000000000000000000U"));
  CHECK(!time_of_id("Z1JD0000000000000000000000"));
  CHECK(run_of(index_id(run_id(7).str())) == run_id(7));
  CHECK(index_id(run_id(8).str()) < index_id(run_id(7).str()));
  CHECK(index_prefix(IndexKind::label, "a", "bc") != index_prefix(IndexKind::label, "ab", "c"));
}

TEST_CASE("compat: a store of format 1 is read as it is, then brought up, and an interrupted step is taken again") {
  TempFolder folder;
  std::filesystem::copy(std::string(HILLSTAR_SOURCE_DIR) + "/tests/compat/store_format_1", folder.store(),
                        std::filesystem::copy_options::recursive);
  const auto ids_of = [](const RocksStore& store, const RunQuery& asked) {
    std::string ids;
    const auto page = store.query(asked);
    for (const auto& row : page.value().rows) ids += row.workflow.str() + " ";
    return ids;
  };
  {
    const auto reader = RocksStore::open(folder.store(), {.read_only = true});
    REQUIRE_MESSAGE(reader, problem(reader));
    CHECK(ids_of(**reader, {}) == "asks breaks cold ");
    CHECK(ids_of(**reader, {.statuses = {"failed", "completed"}}) == "breaks cold ");
    CHECK(verify_all(**reader)->ok());
    CHECK(format_version((*reader)->database()).value() == 1U);
  }
  // What an interrupted step left: some rows, one of them stale by now.
  tamper(folder.store(), [](Database& database) {
    rocksdb::WriteBatch batch;
    const RunId run("01M820B7HZ7TXXF4DJ85BK5JY7");
    REQUIRE(batch.Put(slice(index_key(index_prefix(IndexKind::status, "running"), run)), "").ok());
    REQUIRE(batch.Put(slice(index_key(index_prefix(IndexKind::workflow, "breaks"), run)), "").ok());
    REQUIRE(database.write(batch, Sync::yes));
  });
  auto store = RocksStore::open(folder.store());
  REQUIRE_MESSAGE(store, problem(store));
  CHECK(format_version((*store)->database()).value() == keys::kFormatVersion);
  for (const RunQuery& asked : std::vector<RunQuery>{{.statuses = {"failed"}}, {.workflow = WorkflowId("breaks")}})
    CHECK(ids_of(**store, asked) == "breaks ");
  CHECK(ids_of(**store, {.statuses = {"running"}}).empty());
  std::size_t rows = 0;
  const Rows index((*store)->database(), keys::table(keys::Table::index));
  for (index->SeekToFirst(); index->Valid(); index->Next()) ++rows;
  CHECK(rows == 6);
  REQUIRE(commit(**store, Writer(run_id(1)).append(3)));
  CHECK(ids_of(**store, {.statuses = {"running"}}) == "workflow ");
  CHECK(verify_all(**store)->ok());
}
