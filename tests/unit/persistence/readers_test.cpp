// SPDX-License-Identifier: Apache-2.0
// Reading while somebody writes.
#include <doctest/doctest.h>
#include <rocksdb/env.h>

#include <atomic>
#include <functional>
#include <thread>
#include <utility>

#include "persistence/rocksdb_store.hpp"
#include "tests/unit/persistence/raw_access.hpp"

using namespace hillstar;
using namespace hillstar::persistence;
using namespace hillstar::persistence::testing;

namespace {

/// Something happens between the look at the head file and the lock of the database.
class Between final : public rocksdb::EnvWrapper {
 public:
  explicit Between(std::function<void()> what) : EnvWrapper(rocksdb::Env::Default()), what_(std::move(what)) {}
  rocksdb::Status FileExists(const std::string& name) override {
    if (what_ && name.ends_with("/CURRENT")) std::exchange(what_, nullptr)();
    return EnvWrapper::FileExists(name);
  }

 private:
  std::function<void()> what_;
};

}  // namespace

TEST_CASE("rocksdb store: an owner that comes while another one ends marks the head that this one has left") {
  const TempFolder folder;
  Writer writer(run_id(1));
  REQUIRE(commit(**RocksStore::open(folder.store()), writer.append(3)));
  const auto between =
      std::make_shared<Between>([&] { REQUIRE(commit(**RocksStore::open(folder.store()), writer.append(2))); });
  const auto store = RocksStore::open(folder.store(), {.env = between, .head_interval = std::chrono::hours(1)});
  REQUIRE_MESSAGE(store, problem(store));
  REQUIRE(commit(**store, writer.append(2)));
  const auto reader = RocksStore::open(folder.store(), {.read_only = true});
  REQUIRE_MESSAGE(reader, problem(reader));
  CHECK((*reader)->read(run_id(1))->size() == 7);
}

TEST_CASE("rocksdb store: readers see whole commits while the owner goes on") {
  TempFolder folder;
  auto opened = RocksStore::open(folder.store(), {.write_buffer_bytes = 64U << 10U});
  REQUIRE(opened);
  const auto store = std::move(opened).value();
  Writer writer(run_id(1));
  REQUIRE(commit(*store, writer.append(2)));
  std::atomic<bool> done{false};
  std::atomic<int> bad{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i)
    readers.emplace_back([&] {
      while (!done) {
        const auto history = store->read(run_id(1));
        const auto page = store->read_records(run_id(1), 1, 1'000'000);
        if (!history || history->size() % 2 != 0 || !page || page->size() % 2 != 0) ++bad;
        if (!store->list([](const run::Summary&) { return true; })) ++bad;
      }
    });
  std::thread beside([&] {
    while (!done) {
      const auto reader = RocksStore::open(folder.store(), {.read_only = true});
      if (!reader || !(*reader)->read(run_id(1))) ++bad;
    }
  });
  for (int i = 0; i < 300; ++i)
    if (!commit(*store, writer.append(2))) ++bad;
  done = true;
  for (auto& reader : readers) reader.join();
  beside.join();
  CHECK(bad == 0);
  CHECK(store->read(run_id(1))->size() == 602);
}
