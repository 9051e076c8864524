// SPDX-License-Identifier: Apache-2.0
// Points in time as header fields write them. Pure; nothing is taken for granted.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "messages/units.hpp"

namespace hillstar::providers {

/// Seconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7; the obsolete forms are not read).
std::optional<std::int64_t> http_date(std::string_view text);
/// Milliseconds since 1970 of `2026-11-22T06:41:20.5Z` or with an offset such as `+01:00` (RFC 3339).
std::optional<std::int64_t> internet_time(std::string_view text);
/// `6ms`, `1m2.5s`, `1h0m0s`, or seconds as a bare number. Nothing if malformed, negative or over kDurationMax.
std::optional<Millis> duration(std::string_view text);

/// No server's limit is counted over more than a day.
inline constexpr Millis kDurationMax{86'400'000};

}  // namespace hillstar::providers
