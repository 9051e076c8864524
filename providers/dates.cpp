// SPDX-License-Identifier: Apache-2.0
#include "providers/dates.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <string>

namespace hillstar::providers {
namespace {

/// The digits at this place, all of them, or -1.
int digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (i >= text.size() || text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

struct Fields {
  int year, month, day, hour, minute, second;
};

std::optional<std::int64_t> seconds_of(const Fields& at) {
  constexpr int kYearMin = 1970;
  if (at.year < kYearMin || at.month < 1 || at.day < 1 || at.hour < 0 || at.minute < 0 || at.second < 0)
    return std::nullopt;
  // A leap second is 60.
  if (at.hour > 23 || at.minute > 59 || at.second > 60) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(at.year),
                                         std::chrono::month(static_cast<unsigned>(at.month)),
                                         std::chrono::day(static_cast<unsigned>(at.day))};
  if (!date.ok()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return days * 86'400 + at.hour * 3'600 + at.minute * 60 + at.second;
}

/// Milliseconds in one unit, or 0 for an unknown one.
double unit_millis(std::string_view unit) {
  if (unit == "ns") return 1e-6;
  if (unit == "us" || unit == "\xC2\xB5s" || unit == "\xCE\xBCs") return 1e-3;
  if (unit == "ms") return 1;
  if (unit == "s") return 1'000;
  if (unit == "m") return 60'000;
  if (unit == "h") return 3'600'000;
  return unit == "d" ? 86'400'000 : 0;
}

/// Minutes east of Greenwich of `Z`, `+01:00`, `-05:30`.
std::optional<int> offset_minutes(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  constexpr std::size_t kLength = 6;
  if (text.size() != kLength || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
  const int hours = digits(text, 1, 2), minutes = digits(text, 4, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
  return (text[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
}

}  // namespace

std::optional<std::int64_t> http_date(std::string_view text) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  constexpr std::size_t kLength = 29;
  if (text.size() != kLength || !text.ends_with(" GMT")) return std::nullopt;
  const auto month = kMonths.find(text.substr(8, 3));
  if (month == std::string_view::npos || month % 3 != 0) return std::nullopt;
  return seconds_of({digits(text, 12, 4), static_cast<int>(month / 3 + 1), digits(text, 5, 2), digits(text, 17, 2),
                     digits(text, 20, 2), digits(text, 23, 2)});
}

std::optional<std::int64_t> internet_time(std::string_view text) {
  constexpr std::size_t kLengthMin = 20, kLengthMax = 40;
  if (text.size() < kLengthMin || text.size() > kLengthMax) return std::nullopt;
  const bool shaped = text[4] == '-' && text[7] == '-' && (text[10] == 'T' || text[10] == 't' || text[10] == ' ') &&
                      text[13] == ':' && text[16] == ':';
  if (!shaped) return std::nullopt;
  const auto seconds = seconds_of({digits(text, 0, 4), digits(text, 5, 2), digits(text, 8, 2), digits(text, 11, 2),
                                   digits(text, 14, 2), digits(text, 17, 2)});
  text.remove_prefix(19);
  std::int64_t millis = 0;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (digits(text, 0, 1) < 0) return std::nullopt;
    for (std::int64_t worth = 100; digits(text, 0, 1) >= 0; worth /= 10) {
      millis += worth * digits(text, 0, 1);
      text.remove_prefix(1);
    }
  }
  const auto offset = offset_minutes(text);
  if (!seconds || !offset) return std::nullopt;
  return (*seconds - *offset * 60) * 1'000 + millis;
}

std::optional<Millis> duration(std::string_view text) {
  constexpr std::size_t kLengthMax = 64;
  if (text.empty() || text.size() > kLengthMax) return std::nullopt;
  double sum = 0;
  bool is_first = true;
  while (!text.empty()) {
    double number = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (code != std::errc{} || !(number >= 0) || text.front() == '-') return std::nullopt;
    const bool is_bare = end == text.data() + text.size() && is_first;
    is_first = false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    std::size_t length = 0;
    while (length < text.size() && (text[length] < '0' || text[length] > '9') && text[length] != '.') ++length;
    const double unit = is_bare ? 1'000 : unit_millis(text.substr(0, length));
    if (unit == 0) return std::nullopt;
    sum += number * unit;
    text.remove_prefix(length);
  }
  if (!std::isfinite(sum) || sum > static_cast<double>(kDurationMax.count())) return std::nullopt;
  // Rounded up: a limit is not over before its time.
  return Millis(static_cast<std::int64_t>(std::ceil(sum - 1e-9)));
}

}  // namespace hillstar::providers
