// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/pricing.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>

using namespace hillstar;
using namespace hillstar::policy;

namespace {

std::uint64_t rate(double usd) { return static_cast<std::uint64_t>(std::llround(usd * 1e6)); }

Usage used(std::uint64_t input, std::uint64_t output) {
  Usage usage;
  usage.input_tokens = input;
  usage.output_tokens = output;
  return usage;
}

Usage random_usage(std::mt19937_64& dice, std::uint64_t most) {
  Usage usage = used(dice() % most, dice() % most);
  if (dice() % 2 == 0) usage.cached_tokens = dice() % most;
  if (dice() % 2 == 0) usage.cache_write_tokens = dice() % most;
  return usage;
}

ModelPrices random_prices(std::mt19937_64& dice) {
  ModelPrices prices{dice() % 100'000'000, dice() % 100'000'000, {}, {}};
  if (dice() % 2 == 0) prices.cached_input = dice() % (prices.input + 1);
  if (dice() % 2 == 0) prices.cache_write = dice() % 200'000'000;
  return prices;
}

}  // namespace

TEST_CASE("pricing: tokens times prices, parts of the input at their own") {
  const ModelPrices prices{rate(3), rate(15), rate(0.3), rate(3.75)};
  CHECK(cost_of(used(1'000'000, 0), prices) == MicroUsd{3'000'000});
  CHECK(cost_of(used(0, 1'000'000), prices) == MicroUsd{15'000'000});
  Usage usage = used(1'000, 200);
  CHECK(cost_of(usage, prices) == MicroUsd{3'000 + 3'000});
  usage.cached_tokens = 600;
  CHECK(cost_of(usage, prices) == MicroUsd{400 * 3 + 180 + 3'000});
  usage.cache_write_tokens = 100;
  CHECK(cost_of(usage, prices) == MicroUsd{300 * 3 + 180 + 375 + 3'000});
  usage.reasoning_tokens = 150;  // part of the output
  CHECK(cost_of(usage, prices) == MicroUsd{300 * 3 + 180 + 375 + 3'000});
}

TEST_CASE("pricing: without prices of its own, cached input costs as much as other input") {
  Usage usage = used(1'000, 0);
  usage.cached_tokens = 500;
  usage.cache_write_tokens = 200;
  CHECK(cost_of(usage, {rate(2), rate(8), {}, {}}) == MicroUsd{2'000});
}

TEST_CASE("pricing: the sum is rounded up, once") {
  CHECK(cost_of(used(1, 0), {rate(0.1), rate(0), {}, {}}) == MicroUsd{1});
  CHECK(cost_of(used(10, 0), {rate(0.1), rate(0), {}, {}}) == MicroUsd{1});
  CHECK(cost_of(used(11, 0), {rate(0.1), rate(0), {}, {}}) == MicroUsd{2});
  CHECK(cost_of(used(1, 1), {rate(0.1), rate(0.1), {}, {}}) == MicroUsd{1});
  CHECK(cost_of(used(0, 0), {rate(3), rate(15), {}, {}}) == MicroUsd{0});
  CHECK(cost_of(used(1'000'000, 1'000'000), {}) == MicroUsd{0});
}

TEST_CASE("pricing: the most is that of input which was written to a cache, and of none that was read from one") {
  CHECK(most_of(1'000'000, 0, {rate(3), rate(15), rate(0.3), rate(3.75)}) == MicroUsd{3'750'000});
  CHECK(most_of(1'000'000, 1'000'000, {rate(3), rate(15), rate(0.3), rate(1)}) == MicroUsd{18'000'000});
  CHECK(most_of(1'000'000, 0, {rate(3), rate(15), rate(5), {}}) == MicroUsd{3'000'000});
}

TEST_CASE("pricing: absurd counts give the largest amount, never a small or negative one") {
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  const auto dear = kMost;  // counts as kPriceMax
  Usage usage = used(kMost, kMost);
  usage.cached_tokens = kMost;
  usage.cache_write_tokens = kMost;
  CHECK(cost_of(usage, {dear, dear, dear, dear}) == MicroUsd{std::numeric_limits<std::int64_t>::max()});
  Usage more_cached = used(100, 0);
  more_cached.cached_tokens = 1'000;
  CHECK(cost_of(more_cached, {rate(10), rate(0), rate(1), {}}) == MicroUsd{100});
}

TEST_CASE("pricing: never below the exact sum, less than one above it, and more use is never cheaper") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 dice(seed);
  for (int round = 0; round < 2'000; ++round) {
    const auto usage = random_usage(dice, 2'000'000);
    const auto prices = random_prices(dice);
    const auto cost = cost_of(usage, prices);
    const auto cached = std::min(usage.cached_tokens.value_or(0), usage.input_tokens);
    const auto written = std::min(usage.cache_write_tokens.value_or(0), usage.input_tokens - cached);
    const auto price = [](std::uint64_t tokens, std::uint64_t at) {
      return static_cast<long double>(tokens) * static_cast<long double>(at) / 1'000'000.0L;
    };
    const auto exact = price(usage.input_tokens - cached - written, prices.input) +
                       price(cached, prices.cached_input.value_or(prices.input)) +
                       price(written, prices.cache_write.value_or(prices.input)) +
                       price(usage.output_tokens, prices.output);
    CHECK(static_cast<long double>(cost.count) >= exact - 1e-6L);
    CHECK(static_cast<long double>(cost.count) < exact + 1.0L + 1e-6L);
    auto more = usage;
    more.output_tokens += dice() % 1'000;
    CHECK(cost_of(more, prices) >= cost);
    // Two calls cost as much as one of their sum, or the rounding of one more.
    const auto twice = cost_of(used(usage.input_tokens * 2, usage.output_tokens * 2), prices).count;
    const auto once = cost_of(used(usage.input_tokens, usage.output_tokens), prices).count;
    CHECK(twice <= once * 2);
    CHECK(twice >= once * 2 - 1);
  }
}
