// SPDX-License-Identifier: Apache-2.0
// What every EventStore keeps, run on both.
#include <doctest/doctest.h>

#include <memory>

#include "persistence/chain.hpp"
#include "persistence/memory_store.hpp"
#include "persistence/overlay_store.hpp"
#include "persistence/rocksdb_store.hpp"
#include "runtime/platform/hash.hpp"
#include "tests/unit/persistence/histories.hpp"

using namespace hillstar;
using namespace hillstar::persistence;
using namespace hillstar::persistence::testing;

namespace {

struct InMemory {
  MemoryStore held;
  EventStore& store = held;
};

struct OnDisk {
  TempFolder folder;
  Result<std::unique_ptr<RocksStore>> held = RocksStore::open(folder.store());
  EventStore& store = *held.value();
};

struct Overlaid {
  OverlayStore held{std::make_shared<const MemoryStore>()};
  EventStore& store = held;
};

std::vector<std::string> listed(const EventStore& store, std::size_t limit = 1000) {
  std::vector<std::string> runs;
  const auto done = store.list([&](const run::Summary& row) {
    runs.push_back(row.run.str());
    return runs.size() < limit;
  });
  CHECK_MESSAGE(done, problem(done));
  return runs;
}

}  // namespace

TEST_CASE_TEMPLATE("event store: a history is read as it was committed", T, InMemory, OnDisk, Overlaid) {
  T kept;
  Writer writer(run_id(1));
  REQUIRE(commit(kept.store, writer.append(2)));
  REQUIRE(commit(kept.store, writer.append(3)));
  const auto history = kept.store.read(run_id(1));
  REQUIRE_MESSAGE(history, problem(history));
  REQUIRE(history->size() == 5);
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(history->at(i).seq == i + 1);
    CHECK(history->at(i).at == at(i + 1));
    CHECK(node_of(history->at(i).event)->str() == "node_" + std::to_string(i));
  }
  const auto row = kept.store.summary(run_id(1));
  REQUIRE(row);
  CHECK(row->version == 5);
}

TEST_CASE_TEMPLATE("event store: an append at another version is refused and leaves no trace", T, InMemory, OnDisk,
                   Overlaid) {
  T kept;
  Writer one(run_id(1));
  Writer two(run_id(2));
  REQUIRE(commit(kept.store, one.append(2)));
  Writer rival(run_id(1));
  const auto before = kept.store.head();
  const auto refused = kept.store.commit({rival.append(1), two.append(1), rival.append(1)});
  REQUIRE_MESSAGE(refused, problem(refused));
  CHECK(*refused == std::vector<std::size_t>{0, 2});
  CHECK(kept.store.read(run_id(1))->size() == 2);
  CHECK(kept.store.read(run_id(2))->size() == 1);
  CHECK(kept.store.head().count == before.count + 1);
  const auto all_refused = kept.store.commit({Writer(run_id(1)).append(1)});
  REQUIRE(all_refused);
  CHECK(*all_refused == std::vector<std::size_t>{0});
  CHECK(kept.store.head().count == before.count + 1);
}

TEST_CASE_TEMPLATE("event store: one batch may continue one run twice", T, InMemory, OnDisk, Overlaid) {
  T kept;
  Writer writer(run_id(1));
  auto first = writer.append(1);
  auto second = writer.append(2);
  const auto refused = kept.store.commit({first, second, second});
  REQUIRE_MESSAGE(refused, problem(refused));
  CHECK(*refused == std::vector<std::size_t>{2});
  CHECK(kept.store.read(run_id(1))->size() == 3);
}

TEST_CASE_TEMPLATE("event store: an append that could not be read again is refused as a bug, whole", T, InMemory,
                   OnDisk) {
  T kept;
  const auto refused_with = [&](const std::function<void(Append&)>& spoil) {
    auto append = Writer(run_id(9)).append(2);
    spoil(append);
    return code(kept.store.commit({Writer(run_id(8)).append(1), append}));
  };
  CHECK(refused_with([](Append& a) { a.records[1].line += ' '; }) == Errc::internal);
  CHECK(refused_with([](Append& a) { a.records[1].hash[0] ^= 1; }) == Errc::internal);
  CHECK(refused_with([](Append& a) { std::swap(a.records[0], a.records[1]); }) == Errc::internal);
  CHECK(refused_with([](Append& a) { a.records[1].seq = 3; }) == Errc::internal);
  CHECK(refused_with([](Append& a) { a.records.clear(); }) == Errc::internal);
  CHECK(refused_with([](Append& a) { a.summary.version = 1; }) == Errc::internal);
  CHECK(refused_with([](Append& a) { a.summary.run = run_id(7); }) == Errc::internal);
  CHECK(refused_with([](Append& a) { a.run = RunId("short"); }) == Errc::internal);
  CHECK(kept.store.head().count == 0);
  CHECK(code(kept.store.read(run_id(8))) == Errc::run_not_found);
  CHECK(commit(kept.store, Writer(run_id(8)).append(1)));
}

TEST_CASE_TEMPLATE("event store: what is not there is not found", T, InMemory, OnDisk, Overlaid) {
  T kept;
  REQUIRE(commit(kept.store, Writer(run_id(2)).append(1)));
  for (const auto& run : {run_id(1), run_id(3), RunId("x"), RunId()}) {
    CHECK(code(kept.store.read(run)) == Errc::run_not_found);
    CHECK(code(kept.store.read_records(run, 1, 10)) == Errc::run_not_found);
    CHECK(code(kept.store.summary(run)) == Errc::run_not_found);
  }
  CHECK(code(kept.store.read_blob(sha256_hex("nothing"))) == Errc::blob_missing);
  CHECK(code(kept.store.read_blob("../../etc/passwd")) == Errc::blob_missing);
  CHECK(!kept.store.has_blob(sha256_hex("nothing")));
  CHECK(!kept.store.has_blob(""));
}

TEST_CASE_TEMPLATE("event store: records are read in pages", T, InMemory, OnDisk, Overlaid) {
  T kept;
  Writer writer(run_id(1));
  REQUIRE(commit(kept.store, writer.append(10)));
  REQUIRE(commit(kept.store, Writer(run_id(2)).append(1)));
  const auto page = [&](std::uint64_t from, std::size_t limit) {
    auto records = kept.store.read_records(run_id(1), from, limit);
    REQUIRE_MESSAGE(records, problem(records));
    std::vector<std::uint64_t> seqs;
    for (const auto& record : *records) seqs.push_back(record.seq);
    return seqs;
  };
  CHECK(page(1, 3) == std::vector<std::uint64_t>{1, 2, 3});
  CHECK(page(0, 2) == std::vector<std::uint64_t>{1, 2});
  CHECK(page(9, 3) == std::vector<std::uint64_t>{9, 10});
  CHECK(page(10, 1) == std::vector<std::uint64_t>{10});
  CHECK(page(11, 5).empty());
  CHECK(page(~std::uint64_t{0}, 5).empty());
  CHECK(page(1, 0).empty());
  CHECK(kept.store.read_records(run_id(1), 10, 1)->front().hash == writer.hash());
}

TEST_CASE_TEMPLATE("event store: runs are listed newest first, and as far as the visitor wants", T, InMemory, OnDisk,
                   Overlaid) {
  T kept;
  for (const std::uint64_t n : {3, 1, 5, 2, 4}) REQUIRE(commit(kept.store, Writer(run_id(n)).append(1)));
  CHECK(listed(kept.store) ==
        std::vector<std::string>{run_id(5).str(), run_id(4).str(), run_id(3).str(), run_id(2).str(), run_id(1).str()});
  CHECK(listed(kept.store, 2) == std::vector<std::string>{run_id(5).str(), run_id(4).str()});
}

TEST_CASE_TEMPLATE("event store: a summary row comes back with every field", T, InMemory, OnDisk, Overlaid) {
  T kept;
  auto append = Writer(run_id(1)).append(1);
  append.summary.workflow_file = "wörk/\"flow\".json";
  append.summary.started_at = at(1);
  append.summary.updated_at = at(2);
  append.summary.nodes = 4;
  append.summary.tokens = 1'000'000;
  append.summary.cost = {77};
  append.summary.parent = Origin{run_id(3), 9};
  REQUIRE(commit(kept.store, append));
  CHECK(kept.store.summary(run_id(1)).value() == append.summary);
}

TEST_CASE_TEMPLATE("event store: the head folds every record in order of commit", T, InMemory, OnDisk, Overlaid) {
  T kept;
  CHECK(kept.store.head() == LogHead{});
  Writer one(run_id(1));
  Writer two(run_id(2));
  const auto a = two.append(2);
  const auto b = one.append(1);
  REQUIRE(kept.store.commit({a, b}));
  LogHead expected;
  for (const auto& record : a.records) expected = fold(expected, record.hash);
  expected = fold(expected, b.records[0].hash);
  CHECK(kept.store.head() == expected);
  CHECK(expected.chain != Hash{});
}

TEST_CASE_TEMPLATE("event store: blobs of every size come back, and equal bytes are one blob", T, InMemory, OnDisk,
                   Overlaid) {
  T kept;
  for (const std::size_t size : {0U, 1U, (64U << 10U) - 1, 64U << 10U, (64U << 10U) + 1, (1U << 20U) - 1, 1U << 20U,
                                 (1U << 20U) + 1, 3U << 20U}) {
    CAPTURE(size);
    std::string bytes(size, 'x');
    if (size > 0) bytes[size / 2] = '\0';
    const auto put = kept.store.put_blob(bytes);
    REQUIRE_MESSAGE(put, problem(put));
    CHECK(*put == sha256_hex(bytes));
    CHECK(kept.store.has_blob(*put));
    CHECK((kept.store.read_blob(*put).value() == bytes));
    const auto sink = kept.store.blob_sink();
    for (std::size_t at = 0; at < size; at += 10'007) REQUIRE(sink->append(std::string_view(bytes).substr(at, 10'007)));
    CHECK(sink->finish().value() == *put);
    CHECK((kept.store.read_blob(*put).value() == bytes));
  }
}

TEST_CASE_TEMPLATE("event store: a blob is handed on in pieces, and the taker may stop it", T, InMemory, OnDisk,
                   Overlaid) {
  T kept;
  auto& store = kept.store;
  for (const std::size_t size : {std::size_t{0}, std::size_t{10}, std::size_t{3} << 20U}) {
    std::string bytes(size, 'x');
    for (std::size_t i = 0; i < size; i += 1000) bytes[i] = static_cast<char>(i / 1000);
    const auto sha256 = store.put_blob(bytes);
    REQUIRE(sha256);
    std::string seen;
    const auto done = store.copy_blob(*sha256, [&](std::string_view piece) -> Result<void> {
      seen += piece;
      return {};
    });
    CHECK(done.has_value());
    CHECK(seen == bytes);
    std::string passed;
    CHECK(store
              .pass_blob(*sha256,
                         [&](std::string_view piece) -> Result<void> {
                           passed += piece;
                           return {};
                         })
              .has_value());
    CHECK(passed == bytes);
    if (size == 0) continue;
    const auto stopped = store.copy_blob(*sha256, [](std::string_view) -> Result<void> {
      return Error{Errc::io, "enough", {}, {}};
    });
    REQUIRE(!stopped.has_value());
    CHECK(stopped.error().message == "enough");
  }
  const auto none = store.copy_blob(std::string(64, '0'), [](std::string_view) -> Result<void> { return {}; });
  REQUIRE(!none.has_value());
  CHECK(none.error().code == Errc::blob_missing);
  const auto nothing = store.pass_blob(std::string(64, '0'), [](std::string_view) -> Result<void> { return {}; });
  REQUIRE(!nothing.has_value());
  CHECK(nothing.error().code == Errc::blob_missing);
}

TEST_CASE_TEMPLATE("event store: a blob sink takes nothing after its end", T, InMemory, OnDisk, Overlaid) {
  T kept;
  const auto sink = kept.store.blob_sink();
  REQUIRE(sink->append("a"));
  REQUIRE(sink->finish());
  CHECK(code(sink->append("b")) == Errc::internal);
  CHECK(code(sink->finish()) == Errc::internal);
  CHECK(kept.store.blob_sink()->append(std::string(100'000, 'y')));  // dropped without an end: no blob
  CHECK(!kept.store.has_blob(sha256_hex(std::string(100'000, 'y'))));
}

TEST_CASE("overlay store: what is below is read, and nothing is written there") {
  const auto below = std::make_shared<MemoryStore>();
  Writer old(run_id(1));
  REQUIRE(commit(*below, old.append(2)));
  const auto blob = below->put_blob("below");
  REQUIRE(blob);
  const auto head = below->head();
  OverlayStore store(below);
  Writer writer(run_id(2));
  REQUIRE(commit(store, writer.append(3)));
  const auto above = store.put_blob("above");
  REQUIRE(above);
  CHECK(store.put_blob("below").value_or("") == *blob);
  CHECK(listed(store).size() == 2);
  CHECK(listed(store, 1).size() == 1);
  CHECK(store.read(run_id(1))->size() == 2);
  CHECK(store.read(run_id(2))->size() == 3);
  CHECK(store.read_records(run_id(1), 1, 10)->size() == 2);
  CHECK(store.summary(run_id(1)));
  CHECK_FALSE(store.summary(run_id(3)));
  CHECK(store.read_blob(*blob).value_or("") == "below");
  CHECK(store.read_blob(*above).value_or("") == "above");
  CHECK(store.has_blob(*blob));
  CHECK_FALSE(below->has_blob(*above));
  CHECK(below->head() == head);
  CHECK(listed(*below).size() == 1);
}
