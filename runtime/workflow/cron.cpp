// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/cron.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <string>
#include <vector>

namespace hillstar::workflow {
namespace {

constexpr std::int64_t kDaySeconds = 86'400;
/// A leap day that is a certain day of the week comes at least this often: every 28 years, but for those around 2100.
constexpr int kDaysBetweenMax = 366 * 41;
constexpr std::int64_t kEndOfTime = 253'402'300'800;  ///< The year 10000.

struct Field {
  std::string_view name;
  unsigned least = 0;
  unsigned most = 0;
  std::vector<std::string_view> words;  ///< Names of the values from `least` on.
};

const std::array<Field, 6>& fields() {
  static const std::array<Field, 6> kFields{{
      {"second", 0, 59, {}},
      {"minute", 0, 59, {}},
      {"hour", 0, 23, {}},
      {"day of the month", 1, 31, {}},
      {"month", 1, 12, {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
      {"day of the week", 0, 7, {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}},
  }};
  return kFields;
}

Error refused(const Field& field, std::string message, std::string hint = {}) {
  return {Errc::stream_invalid, std::string(field.name) + ": " + std::move(message), std::string(field.name),
          std::move(hint)};
}

bool same_word(std::string_view a, std::string_view b) {
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; };
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [&](char x, char y) { return upper(x) == upper(y); });
}

std::optional<unsigned> digits(std::string_view text) {
  if (text.empty() || text.size() > 4) return std::nullopt;
  unsigned value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value;
}

Result<unsigned> value_of(const Field& field, std::string_view text) {
  for (std::size_t i = 0; i < field.words.size(); ++i)
    if (same_word(text, field.words[i])) return field.least + static_cast<unsigned>(i);
  const auto value = digits(text);
  if (value && *value >= field.least && *value <= field.most) return *value;
  std::string hint = "write " + std::to_string(field.least) + " to " + std::to_string(field.most);
  if (!field.words.empty())
    hint += ", or " + std::string(field.words.front()) + " to " + std::string(field.words.back());
  return refused(field, "'" + std::string(text) + "' is no value of it", std::move(hint));
}

/// Bits of one element of a list: `*`, `a`, `a-b`, each perhaps with `/n`.
Result<std::uint64_t> element_of(const Field& field, std::string_view text) {
  unsigned from = field.least;
  unsigned to = field.most;
  unsigned step = 1;
  const auto slash = text.find('/');
  const auto range = text.substr(0, slash);
  const auto dash = range.find('-');
  if (range != "*") {
    HILLSTAR_TRY(from, value_of(field, range.substr(0, dash)));
    to = from;
    if (dash != std::string_view::npos) {
      HILLSTAR_TRY(to, value_of(field, range.substr(dash + 1)));
      // Weeks that end on a Sunday.
      if (field.words.size() == 7 && to == 0 && from > 0) to = 7;
    } else if (slash != std::string_view::npos) {
      to = field.most;
    }
  } else if (field.words.size() == 7) {
    to = 6;
  }
  if (from > to)
    return refused(field, "the range '" + std::string(range) + "' goes backwards",
                   "write two ranges, such as 22-23,0-5");
  if (slash != std::string_view::npos) {
    const auto given = digits(text.substr(slash + 1));
    if (!given || *given == 0 || *given > field.most)
      return refused(field, "'" + std::string(text) + "' has no step from 1 to " + std::to_string(field.most),
                     "for longer waits write 'every' in place of 'cron'");
    step = *given;
  }
  std::uint64_t bits = 0;
  for (unsigned value = from; value <= to; value += step) bits |= std::uint64_t{1} << value;
  return bits;
}

/// `5#2`, `5L`, `15W`: what other readers of cron expressions know besides.
bool is_of_others(std::string_view element) {
  if (element.find('#') != std::string_view::npos) return true;
  return element.size() > 1 && std::string_view("LlWw").find(element.back()) != std::string_view::npos &&
         digits(element.substr(0, element.size() - 1)).has_value();
}

/// Bits of a field; `last` is set if `L` is among them.
Result<std::uint64_t> bits_of(const Field& field, std::string_view text, bool& last) {
  const bool is_days = field.least == 1 && field.most == 31;
  if (text == "?" && (is_days || field.words.size() == 7)) text = "*";
  std::uint64_t bits = 0;
  while (true) {
    const auto comma = text.find(',');
    const auto element = text.substr(0, comma);
    if (is_days && same_word(element, "L")) {
      last = true;
    } else if (is_of_others(element)) {
      return refused(field, "'" + std::string(element) + "' is not supported", "L alone is, as a day of the month");
    } else {
      HILLSTAR_TRY(const auto some, element_of(field, element));
      bits |= some;
    }
    if (comma == std::string_view::npos) return bits;
    text.remove_prefix(comma + 1);
  }
}

/// `@daily` in five fields; empty if it is none of these.
std::string_view nickname(std::string_view text) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
      {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@hourly", "0 * * * *"}};
  for (const auto& [name, expression] : kNames)
    if (same_word(text, name)) return expression;
  return {};
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (words.size() < 8) {
    const auto start = text.find_first_not_of(" \t");
    if (start == std::string_view::npos) break;
    text.remove_prefix(start);
    const auto end = std::min(text.find_first_of(" \t"), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

bool has(std::uint64_t bits, unsigned value) { return (bits >> value & 1U) != 0; }

/// A month has a day of it, in some year.
bool comes(const Cron& cron) {
  if (!cron.any_weekday && !cron.any_day) return true;
  if (cron.last_day) return true;
  constexpr std::array<unsigned, 13> kDays{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  for (unsigned month = 1; month <= 12; ++month) {
    const auto possible = (std::uint64_t{2} << kDays[month]) - 1;
    if (has(cron.months, month) && (cron.days & possible & ~std::uint64_t{1}) != 0) return true;
  }
  return false;
}

bool fits_day(const Cron& cron, std::chrono::sys_days day) {
  const std::chrono::year_month_day date(day);
  if (!has(cron.months, static_cast<unsigned>(date.month()))) return false;
  const auto last = (date.year() / date.month() / std::chrono::last).day();
  const bool in_month = has(cron.days, static_cast<unsigned>(date.day())) || (cron.last_day && date.day() == last);
  const bool in_week = has(cron.weekdays, std::chrono::weekday(day).c_encoding());
  return cron.any_day || cron.any_weekday ? in_month && in_week : in_month || in_week;
}

/// The smallest value from `from` on; 64 if there is none.
unsigned first_from(std::uint64_t bits, unsigned from) {
  return from >= 64 ? 64 : static_cast<unsigned>(std::countr_zero(bits >> from << from));
}

/// The first second of the day from `from` on that fits.
std::optional<std::int64_t> first_in_day(const Cron& cron, unsigned from) {
  const unsigned first_hour = from / 3600;
  for (unsigned hour = first_from(cron.hours, first_hour); hour < 24; hour = first_from(cron.hours, hour + 1)) {
    const unsigned first_minute = hour == first_hour ? from / 60 % 60 : 0;
    for (unsigned minute = first_from(cron.minutes, first_minute); minute < 60;
         minute = first_from(cron.minutes, minute + 1)) {
      const bool same_minute = hour == first_hour && minute == from / 60 % 60;
      const unsigned second = first_from(cron.seconds, same_minute ? from % 60 : 0);
      if (second < 60) return hour * 3600 + minute * 60 + second;
    }
  }
  return std::nullopt;
}

/// The first local second from `from` on that fits.
std::optional<std::int64_t> first_local(const Cron& cron, std::int64_t from) {
  auto day = from / kDaySeconds - (from % kDaySeconds < 0 ? 1 : 0);
  auto second = static_cast<unsigned>(from - day * kDaySeconds);
  for (int days = 0; days < kDaysBetweenMax; ++days, ++day, second = 0) {
    if (!fits_day(cron, std::chrono::sys_days(std::chrono::days(day)))) continue;
    if (const auto found = first_in_day(cron, second)) return day * kDaySeconds + *found;
  }
  return std::nullopt;
}

}  // namespace

Result<Cron> parse_cron(std::string_view expression) {
  if (expression.size() > kCronBytesMax)
    return Error(Errc::stream_invalid, "a cron expression of more than " + std::to_string(kCronBytesMax) + " bytes");
  auto words = words_of(expression);
  if (words.size() == 1 && words[0].starts_with('@')) {
    const auto meant = nickname(words[0]);
    if (meant.empty())
      return Error(Errc::stream_invalid, "'" + std::string(words[0]) + "' is no cron expression", {},
                   same_word(words[0], "@reboot")
                       ? "write \"at_start\": true"
                       : "write @hourly, @daily, @weekly, @monthly or @yearly, or five fields");
    words = words_of(meant);
  }
  if (words.size() != 5 && words.size() != 6)
    return Error(Errc::stream_invalid,
                 "a cron expression has five fields, or six with seconds in front, and this one " +
                     std::to_string(words.size()) + (words.size() == 8 ? " or more" : ""),
                 {}, "write minute, hour, day of the month, month and day of the week, such as \"30 2 * * 1-5\"");
  if (words.size() == 5) words.insert(words.begin(), "0");
  std::array<std::uint64_t, 6> bits{};
  Cron cron;
  for (std::size_t i = 0; i < bits.size(); ++i) {
    HILLSTAR_TRY(bits[i], bits_of(fields()[i], words[i], cron.last_day));
  }
  // Seven is Sunday, too.
  if (has(bits[5], 7)) bits[5] = (bits[5] | 1U) & 0x7F;
  cron.seconds = bits[0];
  cron.minutes = bits[1];
  cron.hours = bits[2];
  cron.days = bits[3];
  cron.months = bits[4];
  cron.weekdays = bits[5];
  cron.any_hour = words[2].starts_with('*');
  cron.any_day = words[3].starts_with('*') || words[3] == "?";
  cron.any_weekday = words[5].starts_with('*') || words[5] == "?";
  if (!comes(cron))
    return Error(Errc::stream_invalid, "no year has a day that fits this cron expression",
                 std::string(fields()[3].name), "the months that it names are shorter");
  return cron;
}

std::optional<std::int64_t> next_firing(const Cron& cron, const TimeZone& zone, std::int64_t utc) {
  auto start = utc + 1;
  for (auto i = zone.span_at(start); i < zone.spans.size() && start < kEndOfTime; ++i) {
    const auto& span = zone.spans[i];
    auto local = start + span.offset;
    if (i > 0 && !cron.any_hour) {
      // What the clock on the wall would show if it had not been changed.
      const auto unchanged = span.from + zone.spans[i - 1].offset;
      if (start == span.from) {
        const auto skipped = first_local(cron, unchanged);
        if (skipped && *skipped < local) return start;
      }
      local = std::max(local, unchanged);
    }
    const auto found = first_local(cron, local);
    if (!found) return std::nullopt;
    const auto second = *found - span.offset;
    if (second >= kEndOfTime) return std::nullopt;
    if (i + 1 == zone.spans.size() || second < zone.spans[i + 1].from) return second;
    start = zone.spans[i + 1].from;
  }
  return std::nullopt;
}

}  // namespace hillstar::workflow
