// SPDX-License-Identifier: Apache-2.0
#include "persistence/log_view.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "persistence/chain.hpp"
#include "persistence/keys.hpp"
#include "persistence/migrations.hpp"
#include "persistence/repair.hpp"
#include "persistence/rocksdb_store.hpp"
#include "tests/unit/persistence/raw_access.hpp"

namespace hillstar::persistence {
namespace {

using namespace testing;

/// Three histories that are written in turns, so many times; the second commit of each turn holds two appends.
void write_in_turns(RocksStore& store, int turns) {
  Writer one(run_id(1));
  Writer two(run_id(2));
  Writer three(run_id(3));
  for (int i = 0; i < turns; ++i) {
    REQUIRE(commit(store, two.append(3)));
    std::vector<Append> both;
    both.push_back(three.append(1));
    both.push_back(one.append(2));
    REQUIRE(store.commit(both));
  }
}

/// `run seq hash` of each entry, `-` for one that is missing.
std::vector<std::string> whole_log(const RocksStore& store) {
  std::vector<std::string> lines;
  const auto view = read_log(store, 1, 1'000'000);
  REQUIRE(view);
  for (const auto& entry : view->entries)
    lines.push_back(entry ? entry->run.str() + " " + std::to_string(entry->seq) + " " + to_hex(entry->hash) : "-");
  return lines;
}

std::size_t rows_in(const Database& database, keys::Table table) {
  std::size_t count = 0;
  const Rows rows(database, keys::table(table));
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) ++count;
  return count;
}

/// As a program of format 2 left it.
void make_older(const std::string& store, bool interrupted) {
  tamper(store, [&](Database& database) {
    {
      const Rows rows(database, keys::table(keys::Table::log));
      rocksdb::WriteBatch batch;
      for (rows->SeekToFirst(); rows->Valid(); rows->Next()) REQUIRE(batch.Delete(rows->key()).ok());
      // What an interrupted step left, and a cut off log made stale since then.
      const keys::Stretch stale{2, run_id(9), 7, 100};
      if (interrupted) REQUIRE(batch.Put(slice(keys::stretch_key(2)), slice(keys::stretch_value(stale))).ok());
      REQUIRE(database.write(batch, Sync::yes));
    }
    REQUIRE(database.put_meta(keys::kFormat, "2"));
  });
}

TEST_CASE("log view: pages of the log fold to its head, whatever their size") {
  TempFolder folder;
  const auto opened = RocksStore::open(folder.store());
  REQUIRE(opened);
  const auto& store = *opened;
  for (std::uint64_t n = 1; n <= 3; ++n) {
    Writer writer(run_id(n));
    for (int i = 0; i < 5; ++i) REQUIRE(commit(*store, writer.append(2)));
  }
  for (const std::size_t limit : {1U, 7U, 1'000U}) {
    LogHead folded;
    while (folded.count < store->head().count) {
      const auto view = read_log(*store, folded.count + 1, limit);
      REQUIRE(view);
      CHECK(view->head == store->head());
      REQUIRE(!view->entries.empty());
      CHECK(view->entries.size() <= limit);
      for (const auto& entry : view->entries) {
        REQUIRE(entry);
        const auto records = store->read_records(entry->run, entry->seq, 1);
        REQUIRE(records);
        CHECK(records->front().hash == entry->hash);
        folded = fold(folded, entry->hash);
      }
    }
    CHECK(folded == store->head());
  }
  CHECK(read_log(*store, store->head().count + 1, 10)->entries.empty());
  CHECK(removed_runs(*store, RunId(), 10)->empty());
}

TEST_CASE("log view: a page begins anywhere, also inside an append") {
  TempFolder folder;
  const auto store = RocksStore::open(folder.store());
  REQUIRE(store);
  write_in_turns(**store, 4);
  const auto whole = whole_log(**store);
  REQUIRE(whole.size() == 24);
  for (std::uint64_t from = 1; from <= whole.size(); ++from)
    for (const std::size_t limit : {1U, 2U, 5U}) {
      const auto view = read_log(**store, from, limit);
      REQUIRE(view);
      REQUIRE(view->entries.size() == std::min<std::size_t>(limit, whole.size() - from + 1));
      for (std::size_t i = 0; i < view->entries.size(); ++i) {
        REQUIRE(view->entries[i]);
        const auto& entry = *view->entries[i];
        CHECK(entry.run.str() + " " + std::to_string(entry.seq) + " " + to_hex(entry.hash) == whole[from - 1 + i]);
      }
    }
  CHECK(read_log(**store, 0, 10)->entries.empty());
}

TEST_CASE("log view: a record that is gone, or elsewhere, is missing, and those beside it are there") {
  TempFolder folder;
  write_in_turns(*RocksStore::open(folder.store()).value(), 2);
  const auto whole = whole_log(*RocksStore::open(folder.store()).value());
  tamper(folder.store(), [](Database& database) {
    rocksdb::WriteBatch batch;
    REQUIRE(batch.Delete(slice(keys::event(run_id(2), 2))).ok());  // at position 2
    REQUIRE(batch.Delete(slice(keys::stretch_key(4))).ok());       // of the first of run 3
    REQUIRE(database.write(batch, Sync::yes));
  });
  const auto store = RocksStore::open(folder.store());
  REQUIRE(store);
  auto expected = whole;
  expected[1] = expected[3] = "-";
  CHECK(whole_log(**store) == expected);
}

TEST_CASE("log view: verify says that the order of the log lacks a record") {
  TempFolder folder;
  write_in_turns(*RocksStore::open(folder.store()).value(), 2);
  CHECK(verify_all(*RocksStore::open(folder.store()).value())->ok());
  tamper(folder.store(), [](Database& database) {
    rocksdb::WriteBatch batch;
    REQUIRE(batch.Delete(slice(keys::stretch_key(4))).ok());
    REQUIRE(database.write(batch, Sync::yes));
  });
  CHECK(verify_all(*RocksStore::open(folder.store()).value())->log_problem ==
        "the order of the log does not name record 4");
}

TEST_CASE("migrations: a store of format 2 has its log in order, before and after the step") {
  for (const bool interrupted : {false, true}) {
    TempFolder folder;
    write_in_turns(*RocksStore::open(folder.store()).value(), 5);
    const auto whole = whole_log(*RocksStore::open(folder.store()).value());
    make_older(folder.store(), interrupted);
    {
      const auto reader = RocksStore::open(folder.store(), {.read_only = true});
      REQUIRE_MESSAGE(reader, problem(reader));
      CHECK(whole_log(**reader) == whole);
      CHECK(verify_all(**reader)->ok());
    }
    const auto store = RocksStore::open(folder.store());
    REQUIRE_MESSAGE(store, problem(store));
    CHECK(format_version((*store)->database()).value() == keys::kFormatVersion);
    CHECK(whole_log(**store) == whole);
    // Run 1's appends of two turns are never neighbours in the log, so there are as many stretches as appends.
    CHECK(rows_in((*store)->database(), keys::Table::log) == 15);
    Writer more(run_id(4));
    REQUIRE(commit(**store, more.append(2)));
    CHECK(whole_log(**store).size() == whole.size() + 2);
    CHECK(verify_all(**store)->ok());
  }
}

TEST_CASE("migrations: neighbours of one history become one stretch") {
  TempFolder folder;
  {
    const auto store = RocksStore::open(folder.store());
    Writer writer(run_id(1));
    for (int i = 0; i < 3; ++i) REQUIRE(commit(**store, writer.append(2)));
    CHECK(rows_in((*store)->database(), keys::Table::log) == 3);
  }
  make_older(folder.store(), false);
  const auto store = RocksStore::open(folder.store());
  CHECK(rows_in((*store)->database(), keys::Table::log) == 1);
  CHECK(whole_log(**store).size() == 6);
  CHECK(verify_all(**store)->ok());
}

}  // namespace
}  // namespace hillstar::persistence
