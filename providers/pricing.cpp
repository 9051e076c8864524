// SPDX-License-Identifier: Apache-2.0
#include "providers/pricing.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace hillstar::providers {
namespace {

// 2^64 tokens at kRateMax are below 2^104.
__extension__ using Wide = unsigned __int128;

constexpr std::uint64_t kMillion = 1'000'000;

Wide product(std::uint64_t tokens, Rate rate) { return Wide{tokens} * std::min(rate.micro_usd_per_million, kRateMax); }

}  // namespace

std::optional<Rate> rate_of(double usd_per_million) {
  const double micros = std::round(usd_per_million * static_cast<double>(kMillion));
  if (!std::isfinite(micros) || usd_per_million < 0 || micros > static_cast<double>(kRateMax)) return std::nullopt;
  return Rate{static_cast<std::uint64_t>(micros)};
}

MicroUsd cost_of(const Usage& usage, const Prices& prices) {
  const std::uint64_t cached = std::min(usage.cached_tokens.value_or(0), usage.input_tokens);
  const std::uint64_t written = std::min(usage.cache_write_tokens.value_or(0), usage.input_tokens - cached);
  const std::uint64_t fresh = usage.input_tokens - cached - written;
  const Wide sum = product(fresh, prices.input) + product(cached, prices.cached_input.value_or(prices.input)) +
                   product(written, prices.cache_write.value_or(prices.input)) +
                   product(usage.output_tokens, prices.output);
  const Wide rounded = (sum + kMillion - 1) / kMillion;
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  return {rounded > static_cast<Wide>(kMost) ? kMost : static_cast<std::int64_t>(rounded)};
}

}  // namespace hillstar::providers
