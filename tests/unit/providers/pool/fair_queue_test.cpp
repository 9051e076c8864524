// SPDX-License-Identifier: Apache-2.0
#include "providers/pool/fair_queue.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>

using hillstar::providers::FairQueue;

namespace {

std::string go(FairQueue& queue) {
  const auto next = queue.next();
  if (!next) return {};
  const auto entry = queue.take(*next);
  return entry ? entry->run : std::string();
}

}  // namespace

TEST_CASE("fair_queue: within a run first come, first served") {
  FairQueue queue(10);
  for (std::uint64_t ticket = 1; ticket <= 3; ++ticket) CHECK(queue.push({ticket, "a", "", 1}));
  for (std::uint64_t ticket = 1; ticket <= 3; ++ticket) {
    CHECK(queue.next() == ticket);
    queue.take(ticket);
  }
  CHECK(queue.next() == std::nullopt);
}

TEST_CASE("fair_queue: a run that comes late with one call does not wait for a thousand of another") {
  FairQueue queue(2'000);
  for (std::uint64_t ticket = 1; ticket <= 1'000; ++ticket) queue.push({ticket, "big", "", 1});
  for (int i = 0; i < 10; ++i) CHECK(go(queue) == "big");
  queue.push({5'000, "small", "", 1});
  int passed = 0;
  while (go(queue) != "small") ++passed;
  CHECK(passed <= 1);
}

TEST_CASE("fair_queue: runs share by weight") {
  FairQueue queue(1'000);
  std::uint64_t ticket = 0;
  for (int i = 0; i < 300; ++i) {
    queue.push({++ticket, "light", "", 1});
    queue.push({++ticket, "heavy", "", 3});
  }
  std::map<std::string, int> went;
  for (int i = 0; i < 200; ++i) ++went[go(queue)];
  CHECK(went["heavy"] >= 148);
  CHECK(went["heavy"] <= 152);
}

TEST_CASE("fair_queue: newcomers without end never pass one that waits") {
  FairQueue queue(1'000);
  queue.push({1, "first", "", 1});
  CHECK(go(queue) == "first");
  queue.push({2, "waits", "", 1});
  for (std::uint64_t ticket = 10; ticket < 500; ++ticket) queue.push({ticket, "new" + std::to_string(ticket), "", 1});
  CHECK(go(queue) == "waits");
}

TEST_CASE("fair_queue: a busy lane is passed over, in its own run too, until it is free") {
  FairQueue queue(10);
  queue.push({1, "a", "gpu", 1});
  queue.push({2, "a", "gpu", 1});
  queue.push({3, "a", "", 1});
  queue.push({4, "b", "gpu", 1});
  CHECK(queue.next() == 1U);
  queue.take(1);
  CHECK(queue.next() == 3U);
  queue.take(3);
  CHECK(queue.next() == std::nullopt);
  queue.push({5, "c", "gpu", 1});
  CHECK(queue.next() == std::nullopt);
  CHECK(queue.remove(5));
  queue.free_lane("gpu");
  queue.free_lane("gpu");
  CHECK(queue.next() == 4U);
  queue.take(4);
  CHECK(queue.next() == std::nullopt);
  queue.free_lane("gpu");
  CHECK(queue.next() == 2U);
}

TEST_CASE("fair_queue: holds its bound, knows its tickets, and forgets those that leave") {
  FairQueue queue(2);
  CHECK(queue.push({1, "a", "", 0}));
  CHECK_FALSE(queue.push({1, "b", "", 1}));
  CHECK(queue.push({2, "b", "", 4'000'000'000U}));
  CHECK_FALSE(queue.push({3, "c", "", 1}));
  CHECK(queue.remove(1));
  CHECK_FALSE(queue.remove(1));
  CHECK_FALSE(queue.take(1));
  CHECK(queue.contains(2));
  CHECK(queue.push({3, "c", "", 1}));
  CHECK(queue.size() == 2);
}
