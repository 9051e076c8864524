// SPDX-License-Identifier: Apache-2.0
#include "persistence/backup.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "persistence/backup_manifest.hpp"
#include "persistence/repair.hpp"
#include "persistence/rocksdb_store.hpp"
#include "tests/unit/persistence/histories.hpp"

using namespace hillstar;
using namespace hillstar::persistence;
using namespace hillstar::persistence::testing;

namespace {

namespace fs = std::filesystem;

const BackupMaker kMaker{"program 1", at(7), {}};

std::unique_ptr<RocksStore> open_store(const std::string& folder, bool read_only = false) {
  auto store = RocksStore::open(folder, {.read_only = read_only, .write_buffer_bytes = 64U << 10U});
  REQUIRE_MESSAGE(store, problem(store));
  return std::move(store).value();
}

void spoil(const std::string& path, std::streamoff at_byte) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(at_byte);
  const char byte = static_cast<char>(file.get());
  file.seekp(at_byte);
  file.put(static_cast<char>(byte ^ 1));
}

}  // namespace

TEST_CASE("backup: a store beside its owner, and back, is the same log") {
  TempFolder folder;
  const auto store = open_store(folder.store());
  Writer one(run_id(1));
  Writer two(run_id(2));
  REQUIRE(commit(*store, one.append(5)));
  REQUIRE(store->put_blob("small"));
  const auto large = store->put_blob(std::string((1U << 20U) + 1, 'x'));
  REQUIRE(large);
  REQUIRE(commit(*store, two.append(3)));
  const auto backup = folder.path() + "/backup";
  const auto made = make_backup(folder.store(), backup, kMaker);
  REQUIRE_MESSAGE(made, problem(made));
  CHECK(made->runs == 2);
  CHECK(made->records == 8);
  CHECK(made->program == "program 1");
  CHECK(made->log_chain == to_hex(store->head().chain));
  CHECK(made->problems.empty());
  REQUIRE(commit(*store, one.append(2)));
  const auto again = folder.path() + "/a/b/again";
  const auto restored = restore_backup(backup, again, false, {});
  REQUIRE_MESSAGE(restored, problem(restored));
  CHECK(restored->kept.empty());
  CHECK(restored->manifest == *made);
  const auto copy = open_store(again);
  CHECK(copy->head().count == 8);
  CHECK(copy->read(run_id(1))->size() == 5);
  CHECK(copy->read_blob(*large)->size() == (1U << 20U) + 1);
  // It goes on as a store of its own.
  Writer three(run_id(3));
  REQUIRE(commit(*copy, three.append(1)));
  CHECK(verify_all(*copy)->ok());
  CHECK(check_backup(backup, {}));
}

TEST_CASE("backup: every one that is made while somebody commits is whole") {
  TempFolder folder;
  const auto store = open_store(folder.store());
  Writer writer(run_id(1));
  REQUIRE(commit(*store, writer.append(2)));
  std::atomic<bool> done{false};
  std::atomic<int> bad{0};
  std::thread owner([&] {
    std::uint64_t blob = 0;
    while (!done) {
      if (!store->put_blob(std::string(20'000, 'b') + std::to_string(++blob))) ++bad;
      if (!commit(*store, writer.append(2))) ++bad;
    }
  });
  for (int i = 0; i < 8; ++i) {
    const auto backup = folder.path() + "/backup" + std::to_string(i);
    const auto made = make_backup(folder.store(), backup, kMaker);
    const auto checked = check_backup(backup, {});
    if (!made || !made->problems.empty() || made->records % 2 != 0 || !checked) ++bad;
  }
  done = true;
  owner.join();
  CHECK(bad == 0);
}

TEST_CASE("backup: a store larger than one batch of rows") {
  TempFolder folder;
  auto store = open_store(folder.store());
  Writer writer(run_id(1));
  for (int i = 0; i < 12; ++i) REQUIRE(store->put_blob(std::string(1U << 20U, static_cast<char>('a' + i))));
  REQUIRE(commit(*store, writer.append(5000)));
  const auto made = make_backup(folder.store(), folder.path() + "/backup", kMaker);
  REQUIRE_MESSAGE(made, problem(made));
  CHECK(made->records == 5000);
  const auto copy = open_store(backup_store(folder.path() + "/backup"), true);
  CHECK(copy->head() == store->head());
  CHECK(copy->has_blob(*store->put_blob(std::string(1U << 20U, 'l'))));
}

TEST_CASE("backup: the manifest shows each changed byte") {
  TempFolder folder;
  {
    const auto store = open_store(folder.store());
    Writer writer(run_id(1));
    REQUIRE(commit(*store, writer.append(1)));
  }
  const auto backup = folder.path() + "/backup";
  REQUIRE(make_backup(folder.store(), backup, kMaker));
  const auto size = static_cast<std::streamoff>(fs::file_size(manifest_file(backup)));
  for (std::streamoff byte = 0; byte < size; ++byte) {
    spoil(manifest_file(backup), byte);
    const auto read = read_manifest(backup);
    const auto found = code(read);
    if (found != Errc::record_corrupt && found != Errc::store_version) FAIL_CHECK(byte);
    spoil(manifest_file(backup), byte);
  }
  CHECK(read_manifest(backup));
}

TEST_CASE("backup: what a look at a run finds is kept as a problem") {
  TempFolder folder;
  {
    const auto store = open_store(folder.store());
    Writer writer(run_id(1));
    REQUIRE(commit(*store, writer.append(1)));
  }
  const CheckRun bad = [](const EventStore&, const RunId& run) -> Result<void> {
    return Error(Errc::replay_differs, "it differs.", run.str());
  };
  const auto backup = folder.path() + "/backup";
  const auto made = make_backup(folder.store(), backup, {"program 1", at(7), bad});
  REQUIRE_MESSAGE(made, problem(made));
  CHECK(made->problems.size() == 1);
  CHECK(check_backup(backup, bad));
  CHECK(code(check_backup(backup, {})) == Errc::record_corrupt);
}

TEST_CASE("backup: nothing is overwritten, and what fails leaves nothing") {
  TempFolder folder;
  const auto backup = folder.path() + "/backup";
  CHECK(code(make_backup(folder.store(), backup, kMaker)) == Errc::store_open);
  CHECK_FALSE(fs::exists(backup + ".partial"));
  auto store = open_store(folder.store());
  REQUIRE(make_backup(folder.store(), backup, kMaker));
  CHECK(code(make_backup(folder.store(), backup, kMaker)) == Errc::usage);
  CHECK(code(make_backup(folder.store(), folder.store() + "/in", kMaker)) == Errc::usage);
  CHECK(code(make_backup(folder.store(), folder.path(), kMaker)) == Errc::usage);
  CHECK(code(restore_backup(backup, backup + "/in", true, {})) == Errc::usage);
  CHECK(code(restore_backup(folder.path() + "/none", folder.path() + "/new", true, {})) == Errc::not_found);
  // In use, even without a record; free again, and empty: replaced, and kept all the same.
  CHECK(code(restore_backup(backup, folder.store(), true, {})) == Errc::store_busy);
  store.reset();
  const auto restored = restore_backup(backup, folder.store(), false, {});
  REQUIRE_MESSAGE(restored, problem(restored));
  CHECK(restored->kept == folder.store() + ".kept_1");
  CHECK(fs::exists(restored->kept + "/db"));
  Writer writer(run_id(1));
  store = open_store(folder.store());
  REQUIRE(commit(*store, writer.append(1)));
  store.reset();
  CHECK(code(restore_backup(backup, folder.store(), false, {})) == Errc::usage);
  CHECK(restore_backup(backup, folder.store(), true, {})->kept == folder.store() + ".kept_2");
  CHECK_FALSE(fs::exists(folder.store() + ".partial"));
}

TEST_CASE("backup: one process at a time works on a folder") {
  TempFolder folder;
  const auto path = folder.path() + "/b.partial";
  {
    auto work = WorkFolder::make(path, {"store"});
    REQUIRE_MESSAGE(work, problem(work));
    CHECK(code(WorkFolder::make(path, {"store"})) == Errc::store_busy);
    REQUIRE(write_new_file(path + "/store", "x"));
  }
  CHECK_FALSE(fs::exists(path));
  fs::create_directory(path);
  REQUIRE(write_new_file(path + "/letter", "x"));
  CHECK(code(WorkFolder::make(path, {"store"})) == Errc::usage);
  CHECK(fs::exists(path + "/letter"));
}
