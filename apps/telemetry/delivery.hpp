// SPDX-License-Identifier: Apache-2.0
// One body to a collector: what its answer means, and how long to wait before the next try. Pure.
//
// Source: OTLP specification, "OTLP/HTTP response" and "Retryable response codes".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "messages/units.hpp"
#include "providers/http/transport.hpp"

namespace hillstar::telemetry {

/// Tries of one body in all.
inline constexpr std::uint32_t kTriesMax = 6;

struct Verdict {
  enum class Kind { delivered, again, refused };
  Kind kind = Kind::delivered;
  std::uint64_t rejected = 0;  ///< Of what was delivered: what the collector did not want.
  std::optional<Millis> wait;  ///< What it asked for, at most five minutes.
  std::string why;             ///< One line, without what it was sent.
};

/// The collector's answer, or why there is none.
Verdict verdict_of(const providers::HttpOutcome& outcome);

/// Before the `tried` + 1st try. `chance_ppm`: in [0, 1000000).
Millis pause_after(std::uint32_t tried, std::uint32_t chance_ppm);

}  // namespace hillstar::telemetry
