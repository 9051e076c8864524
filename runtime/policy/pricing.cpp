// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/pricing.hpp"

#include <algorithm>
#include <limits>

namespace hillstar::policy {
namespace {

// 2^64 tokens at kPriceMax are below 2^104.
__extension__ using Wide = unsigned __int128;

constexpr std::uint64_t kMillion = 1'000'000;

Wide product(std::uint64_t tokens, std::uint64_t price) { return Wide{tokens} * std::min(price, kPriceMax); }

}  // namespace

MicroUsd cost_of(const Usage& usage, const ModelPrices& prices) {
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

MicroUsd most_of(std::uint64_t input_tokens, std::uint64_t output_tokens, ModelPrices prices) {
  prices.input = std::max(prices.input, prices.cache_write.value_or(0));
  Usage usage;
  usage.input_tokens = input_tokens;
  usage.output_tokens = output_tokens;
  return cost_of(usage, {prices.input, prices.output, {}, {}});
}

}  // namespace hillstar::policy
