// SPDX-License-Identifier: Apache-2.0
// Whatever is changed below the program: the run refuses, names the place, and the others go on.
#include <doctest/doctest.h>
#include <rocksdb/db.h>

#include "persistence/keys.hpp"
#include "persistence/repair.hpp"
#include "persistence/rocksdb_store.hpp"
#include "tests/unit/persistence/raw_access.hpp"

using namespace hillstar;
using namespace hillstar::persistence;
using namespace hillstar::persistence::testing;

namespace {

constexpr std::uint64_t kRecords = 6;

/// Two runs of six records; the first is tampered with.
struct Scene {
  TempFolder folder;

  Scene() {
    auto store = RocksStore::open(folder.store());
    REQUIRE_MESSAGE(store, problem(store));
    Writer victim(run_id(1));
    Writer witness(run_id(2));
    REQUIRE(commit(**store, victim.append(kRecords)));
    REQUIRE(commit(**store, witness.append(kRecords)));
  }

  void change(const std::function<void(Database&)>& how) const { tamper(folder.store(), how); }

  /// The refusal must be of this kind and name this record.
  void expect(Errc expected, std::uint64_t seq) const {
    const auto store = RocksStore::open(folder.store());
    REQUIRE_MESSAGE(store, problem(store));
    const auto read = (*store)->read(run_id(1));
    REQUIRE(!read);
    CHECK(read.error().code == expected);
    CHECK(read.error().where.find("run " + run_id(1).str() + ", seq " + std::to_string(seq)) == 0);
    CHECK((*store)->read(run_id(2))->size() == kRecords);
    const auto verified = verify_all(**store);
    REQUIRE_MESSAGE(verified, problem(verified));
    REQUIRE(verified->damaged.size() == 1);
    CHECK(verified->damaged[0].run == run_id(1).str());
    CHECK(verified->damaged[0].from_seq == seq);
  }
};

std::string get(Database& database, std::uint64_t seq) {
  std::string value;
  REQUIRE(database.db().Get({}, slice(keys::event(run_id(1), seq)), &value).ok());
  return value;
}
void put(Database& database, std::uint64_t seq, const std::string& value) {
  REQUIRE(database.db().Put({}, slice(keys::event(run_id(1), seq)), value).ok());
}
void erase(Database& database, std::uint64_t seq) {
  REQUIRE(database.db().Delete({}, slice(keys::event(run_id(1), seq))).ok());
}

}  // namespace

TEST_CASE("tampering: a flipped bit anywhere in a record is seen") {
  Scene scene;
  std::string original;
  scene.change([&](Database& database) { original = get(database, 3); });
  std::size_t undetected = 0;
  {
    // One open store serves all flips: what is read is what is there now.
    for (std::size_t at = keys::kEventHeaderBytes - 32; at < original.size(); at += 7) {
      CAPTURE(at);
      auto changed = original;
      changed[at] = static_cast<char>(changed[at] ^ 0x04);
      scene.change([&](Database& database) { put(database, 3, changed); });
      const auto store = RocksStore::open(scene.folder.store(), {.read_only = true});
      REQUIRE_MESSAGE(store, problem(store));
      const auto read = (*store)->read(run_id(1));
      if (read || read.error().code != Errc::chain_broken || read.error().where != "run " + run_id(1).str() + ", seq 3")
        ++undetected;
      CHECK((*store)->read(run_id(2))->size() == kRecords);
    }
  }
  CHECK(undetected == 0);
}

TEST_CASE("tampering: a changed position in the log is seen by verification, though the run itself is whole") {
  Scene scene;
  scene.change([](Database& database) {
    auto value = get(database, 3);
    value[7] = 100;
    put(database, 3, value);
  });
  const auto store = RocksStore::open(scene.folder.store());
  CHECK((*store)->read(run_id(1))->size() == kRecords);
  const auto verified = verify_all(**store);
  REQUIRE(verified);
  CHECK(verified->damaged.empty());
  CHECK(verified->log_problem == "record 3 of the log is missing");
}

TEST_CASE("tampering: a record with recomputed hashes, but another content, breaks the log's chain") {
  Scene scene;
  scene.change([](Database& database) {
    Writer forger(run_id(1));
    std::vector<Event> events;
    for (std::uint64_t n = 0; n < kRecords; ++n) events.push_back(event(n == 3 ? 77 : n));
    const auto forged = forger.append(events);
    for (std::uint64_t seq = 1; seq <= kRecords; ++seq) {
      const auto header = keys::event_header(seq, forged.records[seq - 1].hash);
      put(database, seq, std::string(header.data(), header.size()) + forged.records[seq - 1].line);
    }
  });
  const auto store = RocksStore::open(scene.folder.store());
  CHECK((*store)->read(run_id(1)));
  const auto verified = verify_all(**store);
  REQUIRE(verified);
  CHECK(!verified->ok());
  CHECK(!verified->log_problem.empty());
}

TEST_CASE("tampering: a deleted record is seen, at the start, in the middle and at the end") {
  for (const std::uint64_t seq : {std::uint64_t{1}, std::uint64_t{4}, kRecords}) {
    CAPTURE(seq);
    Scene scene;
    scene.change([&](Database& database) { erase(database, seq); });
    scene.expect(Errc::chain_broken, seq);
  }
}

TEST_CASE("tampering: swapped, duplicated and added records are seen") {
  {
    Scene scene;
    scene.change([](Database& database) {
      const auto two = get(database, 2);
      put(database, 2, get(database, 3));
      put(database, 3, two);
    });
    scene.expect(Errc::chain_broken, 2);
  }
  {
    Scene scene;
    scene.change([](Database& database) { put(database, 3, get(database, 2)); });
    scene.expect(Errc::chain_broken, 3);
  }
  {
    Scene scene;
    scene.change([](Database& database) { put(database, kRecords + 1, get(database, kRecords)); });
    scene.expect(Errc::chain_broken, kRecords + 1);
  }
}

TEST_CASE("tampering: an added record that is linked properly is still one too many") {
  Scene scene;
  scene.change([](Database& database) {
    Writer forger(run_id(1));
    const auto forged = forger.append(kRecords + 1).records.back();
    const auto header = keys::event_header(99, forged.hash);
    put(database, kRecords + 1, std::string(header.data(), header.size()) + forged.line);
  });
  scene.expect(Errc::chain_broken, kRecords + 1);
  const auto store = RocksStore::open(scene.folder.store());
  CHECK(code((*store)->read_records(run_id(1), kRecords, 10)) == Errc::chain_broken);
}

TEST_CASE("tampering: a row that is too short, or of another run, is corrupt") {
  {
    Scene scene;
    scene.change([](Database& database) { put(database, 2, "short"); });
    scene.expect(Errc::record_corrupt, 2);
  }
  {
    Scene scene;
    scene.change([](Database& database) {
      std::string other;
      REQUIRE(database.db().Get({}, slice(keys::event(run_id(2), 1)), &other).ok());
      put(database, 1, other);
    });
    scene.expect(Errc::record_corrupt, 1);
  }
}

TEST_CASE("tampering: a run without a row is damage, not a new run") {
  Scene scene;
  scene.change([](Database& database) { REQUIRE(database.db().Delete({}, slice(keys::run(run_id(1)))).ok()); });
  scene.expect(Errc::chain_broken, 1);
  const auto store = RocksStore::open(scene.folder.store());
  CHECK(code((*store)->commit({Writer(run_id(1)).append(1)})) == Errc::chain_broken);
}

TEST_CASE("tampering: a damaged row is named, and the list shows the other runs") {
  Scene scene;
  scene.change([](Database& database) { REQUIRE(database.db().Put({}, slice(keys::run(run_id(1))), "{}").ok()); });
  const auto store = RocksStore::open(scene.folder.store());
  std::size_t rows = 0;
  const auto done = (*store)->list([&](const run::Summary&) { return ++rows < 10; });
  CHECK(code(done) == Errc::record_corrupt);
  CHECK(rows == 1);
  CHECK(code((*store)->read(run_id(1))) == Errc::record_corrupt);
  CHECK((*store)->read(run_id(2))->size() == kRecords);
  CHECK(verify_all(**store)->damaged.at(0).from_seq == 0);
}

TEST_CASE("tampering: pages are verified against their predecessor") {
  Scene scene;
  scene.change([](Database& database) {
    auto value = get(database, 3);
    value.back() = ' ';
    put(database, 3, value);
  });
  const auto store = RocksStore::open(scene.folder.store());
  CHECK((*store)->read_records(run_id(1), 1, 2)->size() == 2);
  CHECK(code((*store)->read_records(run_id(1), 3, 1)) == Errc::chain_broken);
  CHECK((*store)->read_records(run_id(1), 4, 2)->size() == 2);
}

TEST_CASE("tampering: a blob with other bytes is refused, as a row and as a file") {
  Scene scene;
  const std::string large((1U << 20U) + 5, 'b');
  std::string small_name;
  std::string large_name;
  {
    const auto store = RocksStore::open(scene.folder.store());
    small_name = (*store)->put_blob("small").value();
    large_name = (*store)->put_blob(large).value();
    NodeCompleted completed;
    completed.node = NodeId("n");
    completed.result.blobs = {{"/a", 5, false, small_name}, {"/b", large.size(), false, large_name}};
    REQUIRE(commit(**store, Writer(run_id(3)).append({Event(completed)})));
    CHECK(verify_all(**store)->ok());
    CHECK(verify_all(**store)->blobs == 2);
  }
  const auto file = blob_folder(scene.folder.store()) + "/" + large_name.substr(0, 2) + "/" + large_name;
  auto bytes = read_text(file);
  REQUIRE((bytes == large));
  bytes[1000] = 'c';
  write_text(file, bytes);
  scene.change([&](Database& database) {
    const auto key = hash_from_hex(small_name).value();
    REQUIRE(database.db().Put({}, slice(keys::blob(key)), "smaLl").ok());
  });
  const auto store = RocksStore::open(scene.folder.store());
  CHECK(code((*store)->read_blob(small_name)) == Errc::record_corrupt);
  CHECK(code((*store)->read_blob(large_name)) == Errc::record_corrupt);
  CHECK(verify_all(**store)->blob_problems.size() == 2);
  std::filesystem::remove(file);
  CHECK(code((*store)->read_blob(large_name)) == Errc::blob_missing);
}
