// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/live_pieces.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>

using namespace hillstar;

TEST_CASE("live pieces: each comes once, in order, for each unit and attempt") {
  run::LivePieces seen;
  const NodeId a("a");
  CHECK(seen.take(a, {}, {1, 0, 3, "abc"}) == "abc");
  CHECK(seen.take(a, {}, {1, 0, 3, "abc"}).empty());
  CHECK(seen.take(a, {}, {1, 0, 5, "abcde"}) == "de");
  CHECK(seen.take(a, 0, {1, 0, 5, "abcde"}) == "abcde");
  CHECK(seen.take(a, {}, {2, 0, 1, "x"}) == "x");
  CHECK(seen.take(a, {}, {1, 5, 6, "late"}).empty());
  CHECK(seen.take(a, {}, {2, 4, 6, "yz"}) == "yz");
}

TEST_CASE("live pieces: text of another length than what was said is not cut") {
  run::LivePieces seen;
  const NodeId a("a");
  CHECK(seen.take(a, {}, {1, 0, 1, "\xEF\xBF\xBD"}) == "\xEF\xBF\xBD");
  CHECK(seen.take(a, {}, {1, 1, 2, "b"}) == "b");
  CHECK(seen.take(a, {},
                  {1, 0, 3,
                   "\xEF\xBF\xBD"
                   "bc"}) ==
        "\xEF\xBF\xBD"
        "bc");
}

TEST_CASE("live pieces: whatever is given again, what is taken is what was said") {
  const auto seed = std::random_device()();
  CAPTURE(seed);
  std::mt19937 dice(seed);
  for (int round = 0; round < 2'000; ++round) {
    run::LivePieces seen;
    std::string said;
    std::string taken;
    for (int step = 0; step < 30; ++step) {
      if (dice() % 4 == 0) {  // followed anew: the last of it
        const auto from = said.empty() ? 0 : dice() % said.size();
        if (taken.size() >= from)
          taken += seen.take(NodeId("a"), {}, {1, from, said.size(), std::string_view(said).substr(from)});
        continue;
      }
      const std::string piece(1 + dice() % 5, static_cast<char>('a' + dice() % 26));
      const auto offset = said.size();
      said += piece;
      taken += seen.take(NodeId("a"), {}, {1, offset, said.size(), piece});
    }
    REQUIRE(taken == said);
  }
}
