// SPDX-License-Identifier: Apache-2.0
// What a call costs: tokens times prices, in whole numbers, rounded once. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "messages/events.hpp"
#include "messages/units.hpp"

namespace hillstar::policy {

/// Millionths of a US dollar per million tokens: 2.50 USD per million is 2'500'000. Exact.
struct ModelPrices {
  std::uint64_t input = 0;
  std::uint64_t output = 0;                   ///< Reasoning counts as output.
  std::optional<std::uint64_t> cached_input;  ///< Input read from a cache; without one as `input`.
  std::optional<std::uint64_t> cache_write;   ///< Input written to a cache; without one as `input`.

  bool operator==(const ModelPrices&) const = default;
};
BOOST_DESCRIBE_STRUCT(ModelPrices, (), (input, output, cached_input, cache_write))

/// Highest price that is taken for one: a million dollars per million tokens.
inline constexpr std::uint64_t kPriceMax = 1'000'000'000'000;

/// The cost of one call. Cached and written tokens are parts of the input, never more than it. The sum is rounded up
/// to a whole millionth of a dollar, once per call: a budget is never passed by what rounding hid. The largest amount
/// that can be told stands for all that are larger.
MicroUsd cost_of(const Usage& usage, const ModelPrices& prices);

/// The most that so many tokens can cost: nothing is read from a cache, and all is written to one if that is dearer.
MicroUsd most_of(std::uint64_t input_tokens, std::uint64_t output_tokens, ModelPrices prices);

}  // namespace hillstar::policy
