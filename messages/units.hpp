// SPDX-License-Identifier: Apache-2.0
// Integers with their unit in the type. No floating point in events.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hillstar {

using Millis = std::chrono::milliseconds;

/// A point in time, UTC, in microseconds since 1970-01-01. Written as RFC 3339 with six decimals.
struct UtcTime {
  std::int64_t micros = 0;

  auto operator<=>(const UtcTime&) const = default;
  bool operator==(const UtcTime&) const = default;
};
inline UtcTime operator+(UtcTime time, Millis wait) { return {time.micros + wait.count() * 1000}; }
/// Truncated to whole milliseconds.
inline Millis operator-(UtcTime a, UtcTime b) { return Millis((a.micros - b.micros) / 1000); }

/// `2026-11-22T03:04:05.678901Z`.
std::string to_rfc3339(UtcTime time);
/// Accepts exactly what to_rfc3339 writes.
std::optional<UtcTime> from_rfc3339(std::string_view text);

/// Millionths of a US dollar.
struct MicroUsd {
  std::int64_t count = 0;

  auto operator<=>(const MicroUsd&) const = default;
  bool operator==(const MicroUsd&) const = default;
};
/// The largest amount stands for all that are larger.
inline MicroUsd operator+(MicroUsd a, MicroUsd b) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a.count, b.count, &sum)) sum = b.count > 0 ? INT64_MAX : INT64_MIN;
  return {sum};
}
inline MicroUsd operator-(MicroUsd a, MicroUsd b) { return a + MicroUsd{b.count == INT64_MIN ? INT64_MAX : -b.count}; }
inline MicroUsd& operator+=(MicroUsd& a, MicroUsd b) { return a = a + b; }
inline MicroUsd& operator-=(MicroUsd& a, MicroUsd b) { return a = a - b; }
/// "1.99", "0.000123": dollars with two decimals, more only if they are needed.
std::string to_dollars(MicroUsd amount);

}  // namespace hillstar
