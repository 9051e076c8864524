// SPDX-License-Identifier: Apache-2.0
// What a reply's headers say about how much may still be asked. Pure; for whoever paces the calls of a provider.
//
// Sources: OpenAI's `x-ratelimit-*-requests` and `-tokens` with durations; Mistral's `-req-minute` and
// `-tokens-minute`; Anthropic's `anthropic-ratelimit-*` with points in time, counted from the reply's own `date`;
// routers' `x-ratelimit-limit`, `-remaining`, `-reset`. What a body says (Google) is in failure.hpp.
#pragma once

#include <cstdint>
#include <optional>

#include "messages/units.hpp"
#include "providers/http/transport.hpp"

namespace hillstar::providers {

/// One limit. What the server did not say, or said badly, is absent.
struct RateWindow {
  std::optional<std::uint64_t> limit;
  std::optional<std::uint64_t> remaining;
  std::optional<Millis> reset;  ///< From the reply on, until `remaining` is `limit` again; at most kDurationMax.

  bool operator==(const RateWindow&) const = default;
};

struct RateHints {
  RateWindow requests;
  RateWindow tokens;  ///< Of several kinds of tokens, those of which the smallest part is left.
  std::optional<Millis> retry_after;

  [[nodiscard]] bool empty() const { return *this == RateHints{}; }
  bool operator==(const RateHints&) const = default;
};

RateHints rate_hints(const HttpReply& reply);

}  // namespace hillstar::providers
