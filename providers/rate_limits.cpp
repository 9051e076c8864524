// SPDX-License-Identifier: Apache-2.0
#include "providers/rate_limits.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "providers/dates.hpp"
#include "providers/failure.hpp"

namespace hillstar::providers {
namespace {

std::string_view trimmed_field(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

std::optional<std::uint64_t> count(std::string_view text) {
  text = trimmed_field(text);
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// From `now` to a point in time, both in milliseconds since 1970.
std::optional<Millis> until(std::optional<std::int64_t> due, std::optional<std::int64_t> now) {
  if (!due || !now) return std::nullopt;
  const Millis wait{std::max<std::int64_t>(*due - *now, 0)};
  return wait <= kDurationMax ? std::optional(wait) : std::nullopt;
}

/// A duration, a point in time, or a number: seconds from now, or since 1970 if it is that large, or milliseconds.
std::optional<Millis> reset_of(std::string_view text, std::optional<std::int64_t> now) {
  constexpr std::uint64_t kSecondsMin = 1'000'000'000, kMillisMin = 1'000'000'000'000;
  text = trimmed_field(text);
  if (text.empty()) return std::nullopt;
  if (const auto number = count(text); number && *number >= kSecondsMin) {
    if (*number > kMillisMin * 1'000) return std::nullopt;
    return until(static_cast<std::int64_t>(*number >= kMillisMin ? *number : *number * 1'000), now);
  }
  if (const auto wait = duration(text)) return wait;
  return until(internet_time(text), now);
}

struct Names {
  const char* limit;
  const char* remaining;
  const char* reset;
};

RateWindow window(const HttpReply& reply, const Names& names, std::optional<std::int64_t> now) {
  return {count(reply.header(names.limit)), count(reply.header(names.remaining)),
          reset_of(reply.header(names.reset), now)};
}

/// How much of it is left, from 0 to 1; more than 1 if that is not known.
double left_of(const RateWindow& window) {
  if (!window.remaining) return 2;
  if (!window.limit || *window.limit == 0) return *window.remaining == 0 ? 0 : 1;
  return static_cast<double>(*window.remaining) / static_cast<double>(*window.limit);
}

/// The one that will be used up first; of equals the first.
RateWindow tightest(std::initializer_list<RateWindow> windows) {
  RateWindow best;
  for (const auto& one : windows)
    if (one != RateWindow{} && (best == RateWindow{} || left_of(one) < left_of(best))) best = one;
  return best;
}

}  // namespace

RateHints rate_hints(const HttpReply& reply) {
  std::optional<std::int64_t> now;
  if (const auto seconds = http_date(reply.header("date"))) now = *seconds * 1'000;
  const auto read = [&](const Names& names) { return window(reply, names, now); };
  RateHints hints;
  hints.requests = tightest(
      {read({"x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"}),
       read({"x-ratelimit-limit-req-minute", "x-ratelimit-remaining-req-minute", "x-ratelimit-reset-req-minute"}),
       read({"anthropic-ratelimit-requests-limit", "anthropic-ratelimit-requests-remaining",
             "anthropic-ratelimit-requests-reset"}),
       read({"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"}),
       read({"ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"})});
  hints.tokens =
      tightest({read({"x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"}),
                read({"x-ratelimit-limit-tokens-minute", "x-ratelimit-remaining-tokens-minute",
                      "x-ratelimit-reset-tokens-minute"}),
                read({"anthropic-ratelimit-tokens-limit", "anthropic-ratelimit-tokens-remaining",
                      "anthropic-ratelimit-tokens-reset"}),
                read({"anthropic-ratelimit-input-tokens-limit", "anthropic-ratelimit-input-tokens-remaining",
                      "anthropic-ratelimit-input-tokens-reset"}),
                read({"anthropic-ratelimit-output-tokens-limit", "anthropic-ratelimit-output-tokens-remaining",
                      "anthropic-ratelimit-output-tokens-reset"})});
  hints.retry_after = retry_after(reply);
  return hints;
}

}  // namespace hillstar::providers
