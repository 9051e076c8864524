// SPDX-License-Identifier: Apache-2.0
// gc: what goes, what stays, and that an interrupted one is finished by the next.
#include "persistence/collector.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "persistence/hex_names.hpp"
#include "persistence/recent_blobs.hpp"
#include "persistence/repair.hpp"
#include "persistence/rocksdb_store.hpp"
#include "runtime/platform/hash.hpp"
#include "tests/unit/persistence/raw_access.hpp"

using namespace hillstar;
using namespace hillstar::persistence;
using namespace hillstar::persistence::testing;

namespace {

constexpr std::int64_t kHour = 3'600'000'000;
UtcTime hour(std::int64_t n) { return {1'700'000'000'000'000 + n * kHour}; }

Event naming(const std::string& blob) {
  NodeCompleted completed;
  completed.node = NodeId("node");
  BlobRef named;
  named.sha256 = blob;
  completed.result.blobs.push_back(std::move(named));
  return completed;
}

struct Given {
  std::uint64_t n = 0;
  std::string status = "completed";
  std::string blob = {};
  std::optional<std::uint64_t> parent = {};
  std::size_t records = 3;
};

/// Run `n` ended `n` hours after the first.
void add_run(RocksStore& store, const Given& given) {
  Writer writer(run_id(given.n));
  std::vector<Event> events;
  if (!given.blob.empty()) events.push_back(naming(given.blob));
  while (events.size() < given.records) events.push_back(event(events.size()));
  auto append = writer.append(events);
  append.summary.status = given.status;
  append.summary.started_at = append.summary.updated_at = hour(static_cast<std::int64_t>(given.n));
  if (given.parent) append.summary.parent = Origin{run_id(*given.parent), 1};
  REQUIRE(commit(store, std::move(append)));
}

std::unique_ptr<RocksStore> open(const TempFolder& folder) {
  auto store = RocksStore::open(folder.store());
  REQUIRE_MESSAGE(store, problem(store));
  return *std::move(store);
}

Removal collect(RocksStore& store, const persistence::Retention& retention, bool dry_run = false) {
  Collector collector(store, retention, hour(100), {dry_run});
  for (;;) {
    const auto more = collector.step();
    REQUIRE_MESSAGE(more, problem(more));
    if (!*more) return collector.removed();
  }
}

std::string ids(const EventStore& store) {
  std::string text;
  REQUIRE(store.list([&](const run::Summary& row) {
    text += std::to_string(std::stoi(row.run.str().substr(4))) + " ";
    return true;
  }));
  return text;
}

const persistence::Retention kAll{.keep_last = 0};

}  // namespace

TEST_CASE("gc: runs that ended long ago go, their hashes stay, and the log's chain holds") {
  TempFolder folder;
  {
    const auto store = open(folder);
    for (std::uint64_t n = 1; n <= 5; ++n) add_run(*store, {.n = n});
    const auto head = store->head();
    const persistence::Retention old{.older_than = Millis(97 * 3'600'000)};
    CHECK(collect(*store, old, true).runs == 2);
    CHECK(ids(*store) == "5 4 3 2 1 ");
    const auto removed = collect(*store, old);
    CHECK(removed.runs == 2);
    CHECK(removed.records == 6);
    CHECK(removed.record_bytes > 600);
    CHECK(ids(*store) == "5 4 3 ");
    CHECK(store->head() == head);
    CHECK(store->query({.statuses = {"completed"}})->rows.size() == 3);
    CHECK(removals(*store).value() == std::vector<Removal>{removed});
    CHECK(collect(*store, old).runs == 0);
    CHECK(removals(*store)->size() == 1);
    // Nobody may go on with it, nor begin it again.
    CHECK(store->commit({Writer(run_id(1)).append(1)}).value() == std::vector<std::size_t>{0});
  }
  const auto store = open(folder);
  const auto read = store->read(run_id(1));
  CHECK(code(read) == Errc::run_not_found);
  CHECK(problem(read).find("removed by gc on 2023-11-19") != std::string::npos);
  CHECK(problem(store->summary(run_id(1))).find("3 records") != std::string::npos);
  CHECK(store->commit({Writer(run_id(1)).append(1)}).value() == std::vector<std::size_t>{0});
  const auto verified = verify_all(*store);
  REQUIRE(verified);
  CHECK(verified->ok());
  CHECK(verified->runs == 3);
  CHECK(verified->records == 9);
  CHECK(verified->removed_runs == 2);
  CHECK(verified->removed_records == 6);
  CHECK(verified->removed_last == hour(100));
}

TEST_CASE("gc: what is asked for says which runs go") {
  TempFolder folder;
  const auto store = open(folder);
  for (std::uint64_t n = 1; n <= 6; ++n) add_run(*store, {.n = n});
  CHECK(code(Collector(*store, {}, hour(100), {}).step()) == Errc::usage);
  CHECK(collect(*store, {.keep_last = 2}, true).runs == 4);
  CHECK(collect(*store, {.older_than = Millis(1), .keep_last = 5}, true).runs == 1);
  CHECK(collect(*store, {.keep_last = 0, .workflow = WorkflowId("other")}, true).runs == 0);
  CHECK(collect(*store, {.keep_last = 0, .stream = "s"}, true).runs == 0);
  const auto all = collect(*store, kAll, true);
  CHECK(all.runs == 6);
  CHECK(collect(*store, {.max_bytes = all.record_bytes * 2}, true).runs == 0);
  CHECK(collect(*store, {.max_bytes = all.record_bytes / 2}).runs >= 3);
  CHECK(ids(*store).starts_with("6 5"));
  CHECK(verify_all(*store)->ok());
}

TEST_CASE("gc: the policy of a stream keeps what any of its members keeps, counting only what has ended") {
  TempFolder folder;
  const auto store = open(folder);
  for (std::uint64_t n = 1; n <= 6; ++n) add_run(*store, {.n = n, .status = n == 6 ? "running" : "completed"});
  const auto goes = [&](persistence::Retention retention) {
    retention.any_keeps = true;
    return collect(*store, retention, true).runs;
  };
  CHECK(goes({.keep_last = 0}) == 5);
  CHECK(goes({.keep_last = 2}) == 3);
  // Run n ended 100 - n hours ago.
  CHECK(goes({.older_than = Millis(96 * 3'600'000)}) == 3);
  CHECK(goes({.older_than = Millis(96 * 3'600'000), .keep_last = 4}) == 1);
  CHECK(goes({.older_than = Millis(1), .keep_last = 4}) == 1);
  CHECK(goes({.max_bytes = 1, .keep_last = 5}) == 0);
  CHECK(goes({.max_bytes = 1}) == 5);
  CHECK(goes({.max_bytes = 1'000'000}) == 0);
  CHECK(goes({.keep_last = 0, .none_since = hour(3)}) == 2);
  persistence::Retention policy{.keep_last = 4, .any_keeps = true};
  Collector one(*store, policy, hour(100), {false, Sweep::never});
  while (*one.step()) continue;
  CHECK(one.removed().runs == 1);
  CHECK(ids(*store) == "6 5 4 3 2 ");
  CHECK(removals(*store)->size() == 1);
  Collector none(*store, policy, hour(100), {false, Sweep::after_removal});
  int steps = 0;
  while (*none.step()) ++steps;
  CHECK(steps < 5);
  CHECK(verify_all(*store)->ok());
}

TEST_CASE("gc: a run without an end stays, and all that it inherits from") {
  TempFolder folder;
  const auto store = open(folder);
  for (std::uint64_t n = 1; n <= 3; ++n) add_run(*store, {.n = n, .parent = n - 1});
  add_run(*store, {.n = 4, .status = "paused", .parent = 3});
  add_run(*store, {.n = 5, .status = "failed", .parent = 4});
  add_run(*store, {.n = 6, .status = "queued"});
  Writer stream(RunId("S0000000000000000000000001"));
  REQUIRE(commit(*store, stream.append(2)));
  CHECK(collect(*store, kAll).runs == 1);
  CHECK(ids(*store) == "6 4 3 2 1 ");
  CHECK(store->read(stream.run())->size() == 2);
  CHECK(verify_all(*store)->streams == 1);
}

TEST_CASE("gc: blobs go that nothing names, rows and files, but none that somebody just put") {
  TempFolder folder;
  const std::string large(2U << 20U, 'x');
  std::string shared, lonely, file, never;
  {
    const auto store = open(folder);
    shared = store->put_blob("shared").value();
    lonely = store->put_blob("lonely").value();
    file = store->put_blob(large).value();
    never = store->put_blob("never named").value();
    add_run(*store, {.n = 1, .blob = lonely});
    add_run(*store, {.n = 2, .blob = shared});
    add_run(*store, {.n = 3, .blob = file});
    add_run(*store, {.n = 4, .status = "waiting", .blob = shared});
    const auto removed = collect(*store, kAll);
    CHECK(removed.runs == 3);
    CHECK(removed.blobs == 0);
    CHECK(removed.blobs_postponed == 3);
    CHECK(store->has_blob(lonely));
  }
  const auto store = open(folder);
  // Asked for: it may be named next.
  CHECK(store->has_blob(never));
  const auto removed = collect(*store, kAll);
  CHECK(removed.blobs == 2);
  CHECK(removed.blobs_postponed == 1);
  CHECK(removed.blob_bytes == large.size() + 6);
  CHECK(code(store->read_blob(lonely)) == Errc::blob_missing);
  CHECK(code(store->read_blob(file)) == Errc::blob_missing);
  CHECK(store->read_blob(shared).value() == "shared");
  CHECK(store->put_blob("lonely").value() == lonely);
  CHECK(store->read_blob(lonely).value() == "lonely");
  CHECK(verify_all(*store)->ok());
}

TEST_CASE("gc: what is committed between two steps is seen") {
  TempFolder folder;
  std::string blob;
  {
    const auto store = open(folder);
    blob = store->put_blob("taken over").value();
    add_run(*store, {.n = 1, .blob = blob});
  }
  const auto whole = [&](std::size_t before) {
    TempFolder copy;
    std::filesystem::copy(folder.store(), copy.store(), std::filesystem::copy_options::recursive);
    const auto store = open(copy);
    Collector collector(*store, kAll, hour(100), {});
    std::size_t steps = 0;
    for (bool more = true; more; ++steps) {
      // A fork names the blob without putting it again. Its id sorts before all that was read.
      if (steps == before) add_run(*store, {.n = 0, .status = "running", .blob = blob});
      const auto stepped = collector.step();
      REQUIRE_MESSAGE(stepped, problem(stepped));
      more = *stepped;
    }
    if (before < steps - 2) {
      CHECK(store->read_blob(blob));
      CHECK(verify_all(*store)->ok());
    }
    return steps;
  };
  const auto steps = whole(~std::size_t{0});
  for (std::size_t before = 0; before < steps; before += before % 256 < 10 || before > 250 ? 1 : 20) whole(before);
}

TEST_CASE("gc: interrupted anywhere, the store is whole, and the next one finishes it") {
  TempFolder folder;
  {
    const auto store = open(folder);
    add_run(*store, {.n = 1, .blob = store->put_blob("one").value(), .records = 20});
    add_run(*store, {.n = 2, .records = 2});
    add_run(*store, {.n = 3, .status = "running"});
  }
  for (std::size_t stop = 0; stop < 12; ++stop) {
    CAPTURE(stop);
    TempFolder copy;
    std::filesystem::copy(folder.store(), copy.store(), std::filesystem::copy_options::recursive);
    {
      const auto store = open(copy);
      Collector collector(*store, kAll, hour(100), {});
      for (std::size_t i = 0; i < stop; ++i) REQUIRE(collector.step());
      CHECK(verify_all(*store)->ok());
    }
    const auto store = open(copy);
    CHECK(verify_all(*store)->ok());
    collect(*store, kAll);
    CHECK(ids(*store) == "3 ");
    const auto verified = verify_all(*store);
    CHECK(verified->ok());
    CHECK(verified->removed_records == 22);
    CHECK(!store->has_blob(sha256_hex("one")));
    for (const auto n : {1, 2})
      for (std::uint64_t seq = 1; seq <= 2; ++seq) {
        std::string row;
        const auto& db = store->database();
        REQUIRE(db.db().Get({}, slice(keys::event(run_id(static_cast<std::uint64_t>(n)), seq)), &row).ok());
        CHECK(row.size() == keys::kEventHeaderBytes);
      }
  }
}

TEST_CASE("gc: a hash that is missing, changed, or has a line again is damage") {
  TempFolder folder;
  {
    const auto store = open(folder);
    add_run(*store, {.n = 1});
    add_run(*store, {.n = 2});
    collect(*store, {.keep_last = 1});
  }
  const auto problem_after = [&](const std::function<void(rocksdb::WriteBatch&)>& change) {
    TempFolder copy;
    std::filesystem::copy(folder.store(), copy.store(), std::filesystem::copy_options::recursive);
    tamper(copy.store(), [&](Database& database) {
      rocksdb::WriteBatch batch;
      change(batch);
      REQUIRE(database.write(batch, Sync::yes));
    });
    const auto verified = verify_all(*open(copy));
    REQUIRE(verified);
    CHECK(verified->damaged.size() == 1);
    return !verified->ok();
  };
  const auto key = keys::event(run_id(1), 3);
  CHECK(problem_after([&](auto& batch) { batch.Delete(slice(key)); }));
  CHECK(problem_after([&](auto& batch) { batch.Put(slice(key), std::string(40, 'x')); }));
  CHECK(problem_after([&](auto& batch) { batch.Put(slice(key), std::string(41, 'x')); }));
  CHECK(problem_after([&](auto& batch) { batch.Put(slice(keys::gone(run_id(1))), "{"); }));
  CHECK(problem_after([&](auto& batch) { batch.Delete(slice(keys::gone(run_id(1)))); }));
}

TEST_CASE("recent blobs: each rests for a while, and all of them if there are too many") {
  RecentBlobs recent(2);
  const RecentBlobs::Time start{std::chrono::hours(10)};
  recent.add(Hash{1}, start);
  CHECK(!recent.hold(Hash{1}, start + kBlobRestMin));
  CHECK(recent.hold(Hash{2}, start));
  CHECK(recent.hold(Hash{1}, start + 2 * kBlobRestMin));
  const auto later = start + 5 * kBlobRestMin;
  for (const std::uint8_t n : {1, 2, 3}) recent.add(Hash{n}, later);
  CHECK(!recent.hold(Hash{9}, later + kBlobRestMin));
  CHECK(recent.hold(Hash{9}, later + 3 * kBlobRestMin));
}

TEST_CASE("hex names: just 64 digits, wherever they stand") {
  const auto found = [](const std::string& line) {
    std::size_t count = 0;
    each_hex_name(line, [&](const Hash&) { ++count; });
    return count;
  };
  const std::string name(64, 'a');
  CHECK(found(name) == 1);
  CHECK(found(name + "a") == 0);
  CHECK(found(name.substr(1)) == 0);
  for (std::size_t at = 0; at < 200; ++at) {
    CHECK(found(std::string(at, '"') + name + "," + name + "\"") == 2);
    CHECK(found(std::string(at, 'b') + "-" + name) == (at == 64 ? 2 : 1));
  }
}
