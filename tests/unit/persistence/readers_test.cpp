// SPDX-License-Identifier: Apache-2.0
// Reading while somebody writes.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "persistence/rocksdb_store.hpp"
#include "tests/unit/persistence/raw_access.hpp"

using namespace hillstar;
using namespace hillstar::persistence;
using namespace hillstar::persistence::testing;

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
