// SPDX-License-Identifier: Apache-2.0
#include "messages/units.hpp"

#include <array>
#include <charconv>

namespace hillstar {
namespace {

constexpr std::int64_t kMicrosPerDay = 86'400'000'000;

void put(char* at, int width, std::int64_t value) {
  for (int i = width - 1; i >= 0; --i, value /= 10) at[i] = static_cast<char>('0' + value % 10);
}

bool take(std::string_view text, std::size_t at, std::size_t width, int& value) {
  const auto part = text.substr(at, width);
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
  return error == std::errc() && end == part.data() + part.size() && part.front() != '-';
}

}  // namespace

std::string to_rfc3339(UtcTime time) {
  using namespace std::chrono;
  auto day_count = time.micros / kMicrosPerDay;
  if (time.micros % kMicrosPerDay < 0) --day_count;
  const year_month_day date{sys_days{days{day_count}}};
  const auto of_day = time.micros - day_count * kMicrosPerDay;
  std::string text = "0000-00-00T00:00:00.000000Z";
  put(text.data(), 4, static_cast<int>(date.year()));
  put(text.data() + 5, 2, static_cast<unsigned>(date.month()));
  put(text.data() + 8, 2, static_cast<unsigned>(date.day()));
  put(text.data() + 11, 2, of_day / 3'600'000'000);
  put(text.data() + 14, 2, of_day / 60'000'000 % 60);
  put(text.data() + 17, 2, of_day / 1'000'000 % 60);
  put(text.data() + 20, 6, of_day % 1'000'000);
  return text;
}

std::optional<UtcTime> from_rfc3339(std::string_view text) {
  using namespace std::chrono;
  if (text.size() != 27 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
      text[19] != '.' || text[26] != 'Z')
    return std::nullopt;
  std::array<int, 7> part{};
  const bool ok = take(text, 0, 4, part[0]) && take(text, 5, 2, part[1]) && take(text, 8, 2, part[2]) &&
                  take(text, 11, 2, part[3]) && take(text, 14, 2, part[4]) && take(text, 17, 2, part[5]) &&
                  take(text, 20, 6, part[6]);
  const year_month_day date{year{part[0]}, month{static_cast<unsigned>(part[1])}, day{static_cast<unsigned>(part[2])}};
  if (!ok || !date.ok() || part[3] > 23 || part[4] > 59 || part[5] > 59) return std::nullopt;
  const std::int64_t day_count = sys_days{date}.time_since_epoch().count();
  const std::int64_t seconds = (part[3] * 60 + part[4]) * 60 + part[5];
  return UtcTime{day_count * kMicrosPerDay + seconds * 1'000'000 + part[6]};
}

std::string to_dollars(MicroUsd amount) {
  const auto micros =
      amount.count < 0 ? 0 - static_cast<std::uint64_t>(amount.count) : static_cast<std::uint64_t>(amount.count);
  auto parts = std::to_string(micros % 1'000'000);
  parts.insert(0, 6 - parts.size(), '0');
  while (parts.size() > 2 && parts.ends_with('0')) parts.pop_back();
  return (amount.count < 0 ? "-" : "") + std::to_string(micros / 1'000'000) + "." + parts;
}

}  // namespace hillstar
