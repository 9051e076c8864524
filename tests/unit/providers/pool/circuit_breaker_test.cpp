// SPDX-License-Identifier: Apache-2.0
#include "providers/pool/circuit_breaker.hpp"

#include <doctest/doctest.h>

using hillstar::FailureClass;
using hillstar::Millis;
using hillstar::providers::CircuitBreaker;
using State = CircuitBreaker::State;

namespace {

constexpr std::uint32_t kWhole = 999'999;

CircuitBreaker opened(Millis at) {
  CircuitBreaker breaker;
  for (std::uint64_t ticket = 1; ticket <= 5; ++ticket) {
    CHECK(breaker.lets_go(at));
    breaker.started(ticket);
    breaker.ended(ticket, FailureClass::network, at, kWhole);
  }
  CHECK(breaker.state() == State::open);
  return breaker;
}

}  // namespace

TEST_CASE("circuit_breaker: opens after five outages in a row, and anything else breaks the row") {
  CircuitBreaker breaker;
  const auto end = [&](std::optional<FailureClass> failure) { breaker.ended(1, failure, Millis(0), kWhole); };
  for (int i = 0; i < 4; ++i) end(FailureClass::timeout);
  end(std::nullopt);
  for (int i = 0; i < 4; ++i) end(FailureClass::server);
  end(FailureClass::auth);
  for (int i = 0; i < 4; ++i) end(FailureClass::overloaded);
  CHECK(breaker.state() == State::closed);
  end(FailureClass::network);
  CHECK(breaker.state() == State::open);
}

TEST_CASE("circuit_breaker: what is wrong with a key or a request never opens it") {
  CircuitBreaker breaker;
  for (int i = 0; i < 100; ++i)
    for (const auto kind : {FailureClass::auth, FailureClass::invalid_request, FailureClass::rate_limited,
                            FailureClass::quota, FailureClass::refused, FailureClass::malformed_reply})
      breaker.ended(1, kind, Millis(i), kWhole);
  CHECK(breaker.state() == State::closed);
}

TEST_CASE("circuit_breaker: after the wait exactly one call goes, and its success closes it") {
  auto breaker = opened(Millis(1'000));
  CHECK(breaker.retry_at() <= Millis(6'000));
  CHECK_FALSE(breaker.lets_go(breaker.retry_at() - Millis(1)));
  CHECK(breaker.lets_go(breaker.retry_at()));
  CHECK(breaker.state() == State::half_open);
  breaker.started(10);
  CHECK_FALSE(breaker.lets_go(Millis(100'000)));
  breaker.ended(3, std::nullopt, Millis(100'000), kWhole);  // an old call says nothing about now
  CHECK_FALSE(breaker.lets_go(Millis(100'000)));
  breaker.ended(10, std::nullopt, Millis(100'000), kWhole);
  CHECK(breaker.state() == State::closed);
  CHECK(breaker.lets_go(Millis(100'000)));
}

TEST_CASE("circuit_breaker: each failed probe doubles the wait, up to a minute") {
  auto breaker = opened(Millis(0));
  Millis expected(5'000);
  for (std::uint64_t probe = 10; probe < 20; ++probe) {
    const auto now = breaker.retry_at();
    CHECK(breaker.lets_go(now));
    breaker.started(probe);
    breaker.ended(probe, FailureClass::timeout, now, kWhole);
    CHECK(breaker.state() == State::open);
    expected = std::min(expected * 2, Millis(60'000));
    CHECK(breaker.retry_at() - now <= expected);
    CHECK(breaker.retry_at() - now > expected - Millis(2));
  }
}

TEST_CASE("circuit_breaker: chance shortens the wait, but never to nothing") {
  CircuitBreaker breaker;
  for (int i = 0; i < 5; ++i) breaker.ended(1, FailureClass::network, Millis(0), 0);
  CHECK(breaker.retry_at() == Millis(500));
  CircuitBreaker other;
  for (int i = 0; i < 5; ++i) other.ended(1, FailureClass::network, Millis(0), 500'000);
  CHECK(other.retry_at() == Millis(2'500));
}

TEST_CASE("circuit_breaker: a probe that a person stopped leaves its place to another") {
  auto breaker = opened(Millis(0));
  const auto now = breaker.retry_at();
  CHECK(breaker.lets_go(now));
  breaker.started(10);
  breaker.withdrawn(10);
  CHECK(breaker.lets_go(now));
  breaker.started(11);
  CHECK_FALSE(breaker.lets_go(now));
  breaker.ended(11, FailureClass::rate_limited, now, kWhole);
  CHECK(breaker.state() == State::closed);
}
