// SPDX-License-Identifier: Apache-2.0
#include "persistence/log_view.hpp"

#include <doctest/doctest.h>

#include "persistence/chain.hpp"
#include "persistence/rocksdb_store.hpp"
#include "tests/unit/persistence/raw_access.hpp"

namespace hillstar::persistence {
namespace {

using namespace testing;

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

}  // namespace
}  // namespace hillstar::persistence
