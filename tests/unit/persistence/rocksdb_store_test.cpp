// SPDX-License-Identifier: Apache-2.0
// Opening, owning, reopening and damaged logs.
#include "persistence/rocksdb_store.hpp"

#include <doctest/doctest.h>
#include <rocksdb/db.h>
#include <rocksdb/file_system.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include "persistence/files.hpp"
#include "persistence/head_file.hpp"
#include "persistence/keys.hpp"
#include "persistence/repair.hpp"
#include "persistence/versions.hpp"
#include "tests/unit/persistence/raw_access.hpp"

using namespace hillstar;
using namespace hillstar::persistence;
using namespace hillstar::persistence::testing;

namespace {

std::unique_ptr<RocksStore> open(const TempFolder& folder, const StoreOptions& options = {}) {
  auto store = RocksStore::open(folder.store(), options);
  REQUIRE_MESSAGE(store, problem(store));
  return std::move(store).value();
}

/// A store whose last records are in the write-ahead log only.
std::vector<Writer> filled(const TempFolder& folder, std::uint64_t runs = 3) {
  std::vector<Writer> writers;
  const auto store = open(folder);
  for (std::uint64_t n = 1; n <= runs; ++n) {
    writers.emplace_back(run_id(n));
    REQUIRE(commit(*store, writers.back().append(20)));
  }
  return writers;
}

LogHead head_in_file(const TempFolder& folder) {
  return read_head_file(*rocksdb::Env::Default(), folder.store()).value().value();
}

/// Takes no more bytes while it is full.
class FullDisk final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "FullDisk"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    std::unique_ptr<rocksdb::FSWritableFile> target;
    auto status = FileSystemWrapper::NewWritableFile(name, options, &target, debug);
    if (status.ok()) *file = std::make_unique<File>(*this, std::move(target));
    return status;
  }

  std::atomic<bool> full{false};

 private:
  struct File final : rocksdb::FSWritableFileOwnerWrapper {
    File(const FullDisk& of, std::unique_ptr<rocksdb::FSWritableFile> target)
        : FSWritableFileOwnerWrapper(std::move(target)), disk(of) {}
    using FSWritableFileOwnerWrapper::Append;
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override {
      if (disk.full) return rocksdb::IOStatus::NoSpace("No space left on device");
      return FSWritableFileOwnerWrapper::Append(data, options, debug);
    }
    const FullDisk& disk;
  };
};

}  // namespace

TEST_CASE("rocksdb store: everything is there after a reopen, and goes on from there") {
  TempFolder folder;
  auto writers = filled(folder);
  LogHead before;
  {
    const auto store = open(folder);
    before = store->head();
    CHECK(before.count == 60);
    CHECK(store->read(run_id(2))->size() == 20);
    REQUIRE(commit(*store, writers[1].append(2)));
    CHECK(store->commit({Writer(run_id(3)).append(1)}).value() == std::vector<std::size_t>{0});
  }
  const auto store = open(folder);
  CHECK(store->read(run_id(2))->size() == 22);
  CHECK(store->head().count == 62);
  CHECK(verify_all(*store)->ok());
  CHECK(verify_all(*store)->records == 62);
}

TEST_CASE("rocksdb store: its folder is for its owner alone") {
  TempFolder folder;
  filled(folder, 1);
  for (const auto& path : {folder.store(), database_folder(folder.store()), blob_folder(folder.store())}) {
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0700);
  }
}

TEST_CASE("rocksdb store: there is one owner, and readers beside it") {
  TempFolder folder;
  auto writers = filled(folder);
  const auto owner = open(folder);
  CHECK(code(RocksStore::open(folder.store())) == Errc::store_busy);
  CHECK(code(repair(folder.store(), at(1))) == Errc::store_busy);
  REQUIRE(commit(*owner, writers[0].append(1)));
  const auto reader = open(folder, {.read_only = true});
  CHECK(reader->read(run_id(1))->size() == 21);
  CHECK(reader->head() == owner->head());
  CHECK(code(reader->commit({writers[0].append(1)})) == Errc::store_write);
  CHECK(code(reader->put_blob("x")) == Errc::store_write);
  CHECK(code(reader->blob_sink()->append("x")) == Errc::store_write);
  CHECK(code(reader->blob_sink()->finish()) == Errc::store_write);
}

TEST_CASE("rocksdb store: reading does not create a store") {
  TempFolder folder;
  CHECK(code(RocksStore::open(folder.store(), {.read_only = true})) == Errc::store_open);
  CHECK(!std::filesystem::exists(folder.store()));
  write_text(folder.path() + "/file", "text");
  CHECK(code(RocksStore::open(folder.path() + "/file")) == Errc::store_open);
}

TEST_CASE("rocksdb store: what a crash left of an unfinished blob is removed") {
  TempFolder folder;
  filled(folder, 1);
  const auto left = blob_folder(folder.store()) + "/tmp/7";
  write_text(left, "half");
  open(folder);
  CHECK(!std::filesystem::exists(left));
}

TEST_CASE("rocksdb store: a store of a newer program is refused, by format and by table") {
  TempFolder folder;
  filled(folder, 1);
  tamper(folder.store(), [](Database& database) {
    REQUIRE(database.put_meta(keys::kFormat, std::to_string(keys::kFormatVersion + 1)));
  });
  CHECK(code(RocksStore::open(folder.store())) == Errc::store_version);
  CHECK(code(RocksStore::open(folder.store(), {.read_only = true})) == Errc::store_version);
  tamper(folder.store(), [](Database& database) { REQUIRE(database.put_meta(keys::kFormat, "one")); });
  CHECK(code(RocksStore::open(folder.store())) == Errc::store_open);
  tamper(folder.store(), [](Database& database) {
    REQUIRE(database.put_meta(keys::kFormat, "2"));
    rocksdb::ColumnFamilyHandle* extra = nullptr;
    REQUIRE(database.db().CreateColumnFamily({}, "leases", &extra).ok());
    REQUIRE(database.db().DestroyColumnFamilyHandle(extra).ok());
  });
  CHECK(code(RocksStore::open(folder.store())) == Errc::store_version);
}

TEST_CASE("head file: a log that is shorter, another one, or gone is refused") {
  TempFolder folder;
  filled(folder);
  const auto good = head_in_file(folder);
  CHECK(good.count == 60);
  const auto refused_with = [&](const LogHead& head) {
    write_text(folder.store() + "/head", head_text(head));
    const auto reading = code(RocksStore::open(folder.store(), {.read_only = true}));
    CHECK(code(RocksStore::open(folder.store())) == reading);
    return reading;
  };
  auto other = good;
  other.chain[5] ^= 1;
  CHECK(refused_with({61, good.chain}) == Errc::store_truncated);
  CHECK(refused_with(other) == Errc::chain_broken);
  CHECK(refused_with({59, good.chain}) == Errc::chain_broken);
  write_text(folder.store() + "/head", "count 60");
  CHECK(code(RocksStore::open(folder.store())) == Errc::store_open);
  std::filesystem::remove(folder.store() + "/head");
  CHECK(code(RocksStore::open(folder.store())) == Errc::store_truncated);
  write_text(folder.store() + "/head", head_text(good));
  CHECK(open(folder)->head() == good);
  std::filesystem::remove_all(database_folder(folder.store()));
  CHECK(code(RocksStore::open(folder.store())) == Errc::store_truncated);
  CHECK(code(RocksStore::open(folder.store(), {.read_only = true})) == Errc::store_truncated);
}

TEST_CASE("head file: a log that went on after the file was written is known by its mark") {
  TempFolder folder;
  auto writers = filled(folder, 1);
  const auto old_file = read_text(folder.store() + "/head");
  {
    const auto store = open(folder);
    for (int i = 0; i < 5; ++i) REQUIRE(commit(*store, writers[0].append(1)));
  }
  write_text(folder.store() + "/head", old_file);
  const auto store = open(folder);
  CHECK(store->head().count == 25);
  REQUIRE(commit(*store, writers[0].append(1)));
}

TEST_CASE("head file: it is written within the allowed number of records, and never ahead of the log") {
  TempFolder folder;
  const auto store = open(folder, {.head_records = 10, .head_interval = std::chrono::hours(1)});
  Writer writer(run_id(1));
  CHECK(head_in_file(folder).count == 0);
  for (int i = 0; i < 400; ++i) {
    REQUIRE(commit(*store, writer.append(3)));
    CHECK(head_in_file(folder).count <= store->head().count);
  }
  // The writer of the file is another thread; reading beside the owner proves that every state is consistent.
  CHECK(open(folder, {.read_only = true})->head().count == 1200);
}

TEST_CASE("head text: reads exactly what it writes") {
  LogHead head{12, {}};
  head.chain[0] = 0xab;
  const auto text = head_text(head);
  CHECK(parse_head(text) == head);
  for (std::size_t cut = 0; cut < text.size(); ++cut) CHECK(!parse_head(std::string_view(text).substr(0, cut)));
  CHECK(!parse_head(text + "\n"));
  CHECK(!parse_head("hillstar-head 2" + text.substr(15)));
}

TEST_CASE("versions: the least recently used run is forgotten first") {
  Versions versions(2);
  versions.put(run_id(1), {1, {}});
  versions.put(run_id(2), {2, {}});
  CHECK(versions.find(run_id(1))->version == 1);
  versions.put(run_id(3), {3, {}});
  CHECK(!versions.find(run_id(2)));
  CHECK(versions.find(run_id(1)));
  versions.put(run_id(3), {4, {}});
  CHECK(versions.find(run_id(3))->version == 4);
  CHECK(versions.size() == 2);
}

TEST_CASE("damaged log: a flipped byte refuses, and repair says what is lost") {
  TempFolder folder;
  auto writers = filled(folder);
  const auto log = live_log(folder.store());
  REQUIRE(!log.empty());
  auto bytes = read_text(log);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x10);
  write_text(log, bytes);
  const auto refused = RocksStore::open(folder.store());
  REQUIRE(!refused);
  CHECK(refused.error().code == Errc::store_open);
  CHECK(refused.error().hint.find("repair") != std::string::npos);

  const auto report = repair(folder.store(), at(99));
  REQUIRE_MESSAGE(report, problem(report));
  CHECK(report->head_count == 60);
  CHECK(report->log_count == 20);
  CHECK(report->records_lost == 40);
  CHECK(!report->head_problem.empty());
  CHECK(report->damaged.empty());
  CHECK(report->log_problem.empty());
  const auto store = open(folder);
  CHECK(store->read(run_id(1))->size() == 20);
  CHECK(code(store->read(run_id(2))) == Errc::run_not_found);
  CHECK(verify_all(*store)->ok());
  const auto notes = recovery_notes(*store);
  REQUIRE(notes);
  REQUIRE(notes->size() == 1);
  CHECK(notes->at(0).find(R"("records_lost":40)") != std::string::npos);
  REQUIRE(commit(*store, writers[0].append(1)));
}

TEST_CASE("damaged log: cut short or deleted, it is shorter than the head file says") {
  for (const bool cut : {true, false}) {
    CAPTURE(cut);
    TempFolder folder;
    filled(folder);
    const auto log = live_log(folder.store());
    if (cut)
      std::filesystem::resize_file(log, std::filesystem::file_size(log) / 2);
    else
      std::filesystem::remove(log);
    CHECK(code(RocksStore::open(folder.store(), {.read_only = true})) == Errc::store_truncated);
    CHECK(code(RocksStore::open(folder.store())) == Errc::store_truncated);
    CHECK(code(RocksStore::open(folder.store())) == Errc::store_truncated);  // the first attempt hid nothing
    const auto report = repair(folder.store(), at(1));
    REQUIRE_MESSAGE(report, problem(report));
    CHECK(report->records_lost == (cut ? 40 : 60));
    const auto store = open(folder);
    CHECK(verify_all(*store)->ok());
    CHECK(recovery_notes(*store)->size() == 1);
  }
}

TEST_CASE("repair: of a store that is whole changes nothing but adds a note; damaged runs stay refused") {
  TempFolder folder;
  filled(folder);
  tamper(folder.store(),
         [](Database& database) { REQUIRE(database.db().Delete({}, slice(keys::event(run_id(2), 5))).ok()); });
  for (std::size_t i = 1; i <= 2; ++i) {
    const auto report = repair(folder.store(), at(i));
    REQUIRE_MESSAGE(report, problem(report));
    CHECK(report->records_lost == 0);
    CHECK(report->head_problem.empty());
    REQUIRE(report->damaged.size() == 1);
    CHECK(report->damaged[0].run == run_id(2).str());
    CHECK(report->damaged[0].from_seq == 5);
    CHECK(report->log_problem == "record 25 of the log is missing");
    const auto store = open(folder);
    CHECK(code(store->read(run_id(2))) == Errc::chain_broken);
    CHECK(store->read(run_id(3))->size() == 20);
    CHECK(recovery_notes(*store)->size() == i);
  }
}

TEST_CASE("repair: makes a new head file if that is what was damaged") {
  TempFolder folder;
  filled(folder);
  write_text(folder.store() + "/head", "nonsense");
  const auto report = repair(folder.store(), at(1));
  REQUIRE_MESSAGE(report, problem(report));
  CHECK(report->head_problem == "the head file is malformed.");
  CHECK(report->log_count == 60);
  CHECK(open(folder)->head().count == 60);
  CHECK(code(repair(folder.path() + "/nowhere", at(1))) == Errc::store_open);
}

TEST_CASE("write errors: each kind of failure is told in words, with what to do") {
  const auto told = [](const rocksdb::Status& status) { return write_error(status, "/store/db"); };
  const auto posix = [](int number) { return rocksdb::Status::IOError("While appending", std::strerror(number)); };
  const std::string resumable =
      "Every run is resumable: what was acknowledged is on disk, the last step may be missing.";
  for (const auto& status : {rocksdb::Status::NoSpace(), posix(ENOSPC), posix(EDQUOT)}) {
    CHECK(told(status).message == "the disk is full. " + resumable);
    CHECK(told(status).hint == "Free some space and start again.");
  }
  CHECK(told(posix(EFBIG)).message == "a file reached the size limit of this process or file system. " + resumable);
  CHECK(told(posix(EFBIG)).hint == "Raise the limit (ulimit -f) and start again.");
  CHECK(told(posix(EIO)).message ==
        "the storage device reported an error (IO error: While appending: Input/output "
        "error). " +
            resumable);
  CHECK(told(posix(EIO)).hint == "Check the device (kernel log) before you start again.");
  CHECK(told(posix(EACCES)).message == "a file or folder of it is not yours to write. " + resumable);
  CHECK(told(posix(EMFILE)).hint == "Raise the limit (ulimit -n) and start again.");
  CHECK(told(posix(EXDEV)).message ==
        "the history could not be written (IO error: While appending: Invalid cross-device "
        "link). " +
            resumable);
  CHECK(open_error(posix(ENOSPC), "/store/db").message == "the store cannot be opened: the disk is full.");
  CHECK(open_error(posix(ENOSPC), "/store/db").code == Errc::store_open);
  CHECK(open_error(rocksdb::Status::Corruption("x"), "/store/db").hint.find("repair") != std::string::npos);
  for (const auto& status : {posix(ENOSPC), posix(EFBIG), posix(EIO), posix(EACCES)}) {
    CHECK(told(status).code == Errc::store_write);
    CHECK(told(status).where == "/store/db");
  }
}

TEST_CASE("rocksdb store: after a failed blob write the next commit is refused, and nothing is lost") {
  for (const std::size_t size : {std::size_t{5}, std::size_t{2} << 20U}) {
    CAPTURE(size);
    TempFolder folder;
    auto writers = filled(folder, 1);
    const auto disk = std::make_shared<FullDisk>(rocksdb::FileSystem::Default());
    std::shared_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(disk);
    {
      const auto store = open(folder, {.env = env, .head_interval = std::chrono::hours(1)});
      disk->full = true;
      const auto put = store->put_blob(std::string(size, 'b'));
      CHECK(code(put) == Errc::store_write);
      CHECK(problem(put).find("the disk is full.") != std::string::npos);
      disk->full = false;
      const auto refused = store->commit({writers[0].append(1)});
      CHECK(code(refused) == Errc::store_write);
      CHECK(problem(refused).find("the disk is full.") != std::string::npos);
      CHECK(code(store->put_blob("other bytes")) == Errc::store_write);
      CHECK(store->read(run_id(1))->size() == 20);
    }
    // The failed store keeps its lock until its process ends; reading works beside it.
    CHECK(open(folder, {.read_only = true})->read(run_id(1))->size() == 20);
  }
}
