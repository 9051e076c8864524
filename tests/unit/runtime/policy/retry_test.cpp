// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/retry.hpp"

#include <doctest/doctest.h>

namespace hillstar::policy {
namespace {

const Failure kNetwork{FailureClass::network, "unreachable", std::nullopt};

workflow::RetryPolicy policy(std::uint32_t attempts, bool jitter = false) {
  return {.attempts = attempts,
          .backoff = Millis(1000),
          .factor_permille = 2000,
          .cap = Millis(5000),
          .jitter = jitter,
          .on = {}};
}

TEST_CASE("retry: waits grow by the factor up to the cap, then the attempts are used up") {
  CHECK(next_delay(policy(5), 1, kNetwork, 0) == Millis(1000));
  CHECK(next_delay(policy(5), 2, kNetwork, 0) == Millis(2000));
  CHECK(next_delay(policy(5), 3, kNetwork, 0) == Millis(4000));
  CHECK(next_delay(policy(5), 4, kNetwork, 0) == Millis(5000));
  CHECK(next_delay(policy(5), 5, kNetwork, 0) == std::nullopt);
  CHECK(next_delay(policy(1), 1, kNetwork, 0) == std::nullopt);
}

TEST_CASE("retry: full jitter lies in [0, wait], as the chance says") {
  CHECK(next_delay(policy(5, true), 1, kNetwork, 0) == Millis(0));
  CHECK(next_delay(policy(5, true), 1, kNetwork, 500'000) == Millis(500));
  CHECK(*next_delay(policy(5, true), 1, kNetwork, 999'999) < Millis(1000));
}

TEST_CASE("retry: what the other side asked for is a lower bound") {
  const Failure busy{FailureClass::rate_limited, "busy", Millis(9000)};
  CHECK(next_delay(policy(5, true), 1, busy, 0) == Millis(9000));
}

TEST_CASE("retry: only what may be cured is retried, or what the author names") {
  CHECK(next_delay(policy(5), 1, {FailureClass::auth, "", std::nullopt}, 0) == std::nullopt);
  CHECK(next_delay(policy(5), 1, {FailureClass::exit_code, "", std::nullopt}, 0) == Millis(1000));
  auto named = policy(5);
  named.on = {FailureClass::auth};
  CHECK(next_delay(named, 1, {FailureClass::auth, "", std::nullopt}, 0) == Millis(1000));
  CHECK(next_delay(named, 1, kNetwork, 0) == std::nullopt);
}

TEST_CASE("retry: no policy overflows, however wild") {
  workflow::RetryPolicy wild{.attempts = 4'000'000'000,
                             .backoff = Millis(INT64_MAX / 2),
                             .factor_permille = 4'000'000'000,
                             .cap = Millis(INT64_MAX),
                             .jitter = false,
                             .on = {}};
  CHECK(*next_delay(wild, 3'000'000'000, kNetwork, 999'999) == Millis(INT64_MAX));
  wild.factor_permille = 0;
  CHECK(*next_delay(wild, 3'000'000'000, kNetwork, 0) == Millis(INT64_MAX / 2));
}

}  // namespace
}  // namespace hillstar::policy
