// SPDX-License-Identifier: Apache-2.0
#include "actors/remote/claim.hpp"

#include <doctest/doctest.h>

#include <string>

namespace hillstar::actors {
namespace {

const std::string kAttempt = "01BX5ZZKBKACTAV9WEVGEMMVRZ/far/1";

Secret key(char first = 0) {
  std::string bytes;
  for (char i = 0; i < 32; ++i) bytes += i;
  bytes.front() = first;
  return Secret(bytes);
}

}  // namespace

TEST_CASE("claim: it is the same in every version of this program") {
  CHECK(claim_of(key(), kAttempt, {"a", "s"}) == "_12okO_fs1RVI6qX4KFLaQBcupNzz1TXAPAZGAokUtw");
}

TEST_CASE("claim: it holds for one attempt of one worker and its process, by one host, and for nothing else") {
  const auto claim = claim_of(key(), kAttempt, {"a", "s"});
  CHECK(is_claim(key(), kAttempt, {"a", "s"}, claim));
  CHECK_FALSE(is_claim(key(1), kAttempt, {"a", "s"}, claim));
  CHECK_FALSE(is_claim(key(), "01BX5ZZKBKACTAV9WEVGEMMVRZ/far/2", {"a", "s"}, claim));
  CHECK_FALSE(is_claim(key(), "01BX5ZZKBKACTAV9WEVGEMMVRZ/far[0]/1", {"a", "s"}, claim));
  CHECK_FALSE(is_claim(key(), kAttempt, {"b", "s"}, claim));
  CHECK_FALSE(is_claim(key(), kAttempt, {"a", "t"}, claim));
  for (const auto& other : {std::string(), claim.substr(1), claim + "A", std::string(claim.size(), 'A')})
    CHECK_FALSE(is_claim(key(), kAttempt, {"a", "s"}, other));
}

TEST_CASE("claim: a letter cannot move from one word to the next") {
  const auto claim = claim_of(key(), kAttempt, {"ab", "c"});
  CHECK_FALSE(is_claim(key(), kAttempt, {"a", "bc"}, claim));
  CHECK_FALSE(is_claim(key(), kAttempt + "a", {"b", "c"}, claim));
  CHECK_FALSE(is_claim(key(), kAttempt, {"ab1:c", ""}, claim));
}

TEST_CASE("claim: a host without a key gives none, and takes none") {
  CHECK(claim_of(Secret(), kAttempt, {"a", "s"}).empty());
  CHECK_FALSE(is_claim(Secret(), kAttempt, {"a", "s"}, ""));
  CHECK_FALSE(is_claim(Secret(), kAttempt, {"a", "s"}, claim_of(Secret(std::string(32, '\0')), kAttempt, {"a", "s"})));
}

}  // namespace hillstar::actors
