// SPDX-License-Identifier: Apache-2.0
#include "apps/http/rate.hpp"

#include <doctest/doctest.h>

namespace hillstar::http {
namespace {

using namespace std::chrono_literals;
const RateLimiter::Time kStart{1000s};

}  // namespace

TEST_CASE("rate: a burst passes, then one at a time") {
  RateLimiter rate(10, 3);
  for (int i = 0; i < 3; ++i) CHECK_FALSE(rate.wait("a", kStart));
  CHECK(rate.wait("a", kStart) == 100ms);
  CHECK(rate.wait("a", kStart + 50ms) == 50ms);
  CHECK_FALSE(rate.wait("a", kStart + 100ms));
  CHECK(rate.wait("a", kStart + 100ms));
}

TEST_CASE("rate: clients do not count for each other, and a burst comes back") {
  RateLimiter rate(1, 2);
  CHECK_FALSE(rate.wait("a", kStart));
  CHECK_FALSE(rate.wait("a", kStart));
  CHECK(rate.wait("a", kStart));
  CHECK_FALSE(rate.wait("b", kStart));
  for (int i = 0; i < 2; ++i) CHECK_FALSE(rate.wait("a", kStart + 1h));
  CHECK(rate.wait("a", kStart + 1h));
}

TEST_CASE("rate: nothing per second is no limit") {
  RateLimiter rate(0, 1);
  for (int i = 0; i < 1000; ++i) CHECK_FALSE(rate.wait("a", kStart));
  CHECK(rate.clients() == 0);
}

TEST_CASE("rate: a clock that goes back gives nothing") {
  RateLimiter rate(10, 1);
  CHECK_FALSE(rate.wait("a", kStart));
  CHECK(rate.wait("a", kStart - 10s));
  CHECK(rate.wait("a", kStart));
}

TEST_CASE("rate: clients that did not ask for a while are forgotten, others make a new one wait") {
  RateLimiter rate(1, 2, 10);
  for (int i = 0; i < 10; ++i) CHECK_FALSE(rate.wait(std::to_string(i), kStart));
  CHECK(rate.wait("new", kStart));
  CHECK(rate.clients() == 10);
  CHECK_FALSE(rate.wait("new", kStart + 10s));
  CHECK(rate.clients() == 1);
}

}  // namespace hillstar::http
