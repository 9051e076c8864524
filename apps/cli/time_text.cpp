// SPDX-License-Identifier: Apache-2.0
// Times as people type them.
#include <charconv>

#include "apps/cli/list_commands.hpp"

namespace hillstar::cli {
namespace {

constexpr std::int64_t kDayMicros = 86'400'000'000;
/// A hundred years.
constexpr std::int64_t kSecondsMax = std::int64_t{36'525} * 86'400;

std::int64_t seconds_of(char unit) {
  switch (unit) {
    case 's':
      return 1;
    case 'm':
      return 60;
    case 'h':
      return 3'600;
    case 'd':
      return 86'400;
    case 'w':
      return 7 * 86'400;
    default:
      return 0;
  }
}

/// As people write it: `Z` behind whole seconds, or behind up to six decimals.
std::optional<UtcTime> written_time(std::string text) {
  if (text.size() == 10) text += "T00:00:00Z";
  if (text.size() < 20 || text.back() != 'Z') return std::nullopt;
  text.pop_back();
  if (text.size() == 19) text += '.';
  if (text.size() < 20 || text.size() > 26) return std::nullopt;
  text.append(26 - text.size(), '0');
  return from_rfc3339(text + "Z");
}

}  // namespace

Result<Millis> length_from_text(const std::string& text, const std::string& option) {
  std::int64_t count = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, code] = std::from_chars(text.data(), end, count);
  const auto unit = code == std::errc() && rest + 1 == end ? seconds_of(*rest) : 0;
  if (unit == 0 || count < 0 || count > kSecondsMax / unit)
    return Error{Errc::usage,
                 option + ": '" + text + "' is no length of time.",
                 {},
                 "Give a number and a unit: 90s, 15m, 2h, 7d or 4w."};
  return Millis(count * unit * 1'000);
}

Result<UtcTime> time_from_text(const std::string& text, UtcTime now, const std::string& option) {
  if (text == "today") return UtcTime{now.micros - now.micros % kDayMicros};
  if (const auto time = written_time(text)) return *time;
  if (const auto ago = length_from_text(text, option)) return now + -*ago;
  return Error{Errc::usage,
               option + ": '" + text + "' is no time.",
               {},
               "Give a day (2026-11-22), a time (2026-11-22T03:04:05Z), today, or how long ago: 90s, 15m, 2h, 7d, 4w."};
}

}  // namespace hillstar::cli
