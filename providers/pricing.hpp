// SPDX-License-Identifier: Apache-2.0
// What a call costs: tokens times prices, in whole numbers, rounded once. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "messages/events.hpp"
#include "messages/units.hpp"

namespace hillstar::providers {

/// A price of tokens in millionths of a US dollar per million tokens: 2.50 USD per million is 2'500'000.
struct Rate {
  std::uint64_t micro_usd_per_million = 0;

  bool operator==(const Rate&) const = default;
};

/// Highest rate that is taken for one: a million dollars per million tokens.
inline constexpr std::uint64_t kRateMax = 1'000'000'000'000;

/// From US dollars per million tokens, as price lists have them; the nearest rate. Nothing if it is negative, not
/// finite or above kRateMax.
std::optional<Rate> rate_of(double usd_per_million);

/// Prices of one model.
struct Prices {
  Rate input;
  Rate output;                       ///< Reasoning counts as output.
  std::optional<Rate> cached_input;  ///< Input that was read from a cache; without one as `input`.
  std::optional<Rate> cache_write;   ///< Input that was written to a cache; without one as `input`.
};

/// The cost of one call. Cached and written tokens are parts of the input, never more than it. The sum is rounded up
/// to a whole millionth of a dollar, once per call: a budget is never passed by what rounding hid. The largest amount
/// that can be told stands for all that are larger.
MicroUsd cost_of(const Usage& usage, const Prices& prices);

}  // namespace hillstar::providers
