// SPDX-License-Identifier: Apache-2.0
#include "providers/pool/sliding_window.hpp"

#include <doctest/doctest.h>

using hillstar::Millis;
using hillstar::providers::kWindowEntriesMax;
using hillstar::providers::SlidingWindow;

TEST_CASE("sliding_window: what was used counts for sixty seconds, and not one longer") {
  SlidingWindow window(10);
  window.add(10, Millis(1'000), Millis(1'000));
  CHECK(window.free_at(1, Millis(1'000)) == Millis(61'000));
  CHECK(window.free_at(1, Millis(60'999)) == Millis(61'000));
  CHECK(window.free_at(1, Millis(61'000)) == Millis(61'000));
  CHECK(window.used(Millis(61'000)) == 0);
}

TEST_CASE("sliding_window: there is no burst at the seam of two minutes") {
  SlidingWindow window(4);
  for (int i = 0; i < 4; ++i) window.add(1, Millis(59'000 + i), Millis(59'000 + i));
  CHECK(window.free_at(1, Millis(60'000)) == Millis(119'000));
  CHECK(window.free_at(3, Millis(60'000)) == Millis(119'002));
}

TEST_CASE("sliding_window: what is held has no end until it is settled, and then counts for a window from there") {
  SlidingWindow window(100);
  window.hold(1, 60);
  CHECK(window.free_at(41, Millis(500'000)) == std::nullopt);
  CHECK(window.free_at(40, Millis(500'000)) == Millis(500'000));
  window.settle(1, 25, Millis(500'000));
  CHECK(window.free_at(75, Millis(500'000)) == Millis(500'000));
  CHECK(window.free_at(76, Millis(500'000)) == Millis(560'000));
  window.settle(1, 25, Millis(500'000));
  window.settle(2, 25, Millis(500'000));
  CHECK(window.used(Millis(500'000)) == 25);
}

TEST_CASE("sliding_window: an amount above the limit goes alone") {
  SlidingWindow window(100);
  CHECK(window.free_at(5'000, Millis(0)) == Millis(0));
  window.add(1, Millis(0), Millis(0));
  CHECK(window.free_at(5'000, Millis(1)) == Millis(60'000));
  window.hold(7, 5'000);
  CHECK(window.free_at(1, Millis(70'000)) == std::nullopt);
}

TEST_CASE("sliding_window: a lower limit applies at once to what was used before") {
  SlidingWindow window(100);
  window.add(50, Millis(0), Millis(0));
  window.set_limit(40);
  CHECK(window.free_at(1, Millis(10)) == Millis(60'000));
  window.set_limit(0);
  CHECK(window.limit() == 1);
}

TEST_CASE("sliding_window: amounts from before take their place in time") {
  SlidingWindow window(10);
  window.add(5, Millis(0), Millis(0));
  window.add(5, Millis(-30'000), Millis(0));
  window.add(5, Millis(-60'000), Millis(0));
  CHECK(window.free_at(5, Millis(0)) == Millis(30'000));
  CHECK(window.free_at(10, Millis(0)) == Millis(60'000));
}

TEST_CASE("sliding_window: beyond its bound the oldest amounts are forgotten later, never sooner") {
  SlidingWindow window(kWindowEntriesMax * 2);
  const auto entries = static_cast<int>(kWindowEntriesMax);
  for (int i = 0; i <= entries; ++i) window.add(1, Millis(i / 2 * 2 + i % 2), Millis(0));
  CHECK(window.used(Millis(60'000)) == kWindowEntriesMax + 1);
  CHECK(window.used(Millis(60'001)) == kWindowEntriesMax - 1);
}
