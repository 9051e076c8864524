// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/time_zone.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>

namespace hillstar {
namespace {

constexpr std::size_t kFileBytesMax = 1U << 20U;
constexpr std::size_t kNameBytesMax = 64;
constexpr int kLastYear = 2200;
constexpr std::int32_t kOffsetMax = 26 * 3600;
constexpr std::int64_t kTimeMax = 1'000'000'000'000;

Error refused(const std::string& name, std::string message) {
  return {Errc::stream_invalid, std::move(message), name,
          "names are such as Europe/Berlin; Debian's package is tzdata"};
}

/// Numbers of a file, which may end early.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  std::int64_t number(std::size_t size) {
    if (left() < size) {
      good_ = false;
      return 0;
    }
    const bool negative = (static_cast<unsigned char>(bytes_[at_]) & 0x80U) != 0;
    std::uint64_t value = negative && size > 1 ? ~std::uint64_t{0} : 0;
    for (std::size_t i = 0; i < size; ++i) value = value << 8U | static_cast<unsigned char>(bytes_[at_++]);
    return static_cast<std::int64_t>(value);
  }
  void skip(std::size_t size) {
    good_ = good_ && left() >= size;
    at_ += std::min(size, left());
  }
  [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }
  [[nodiscard]] std::string_view rest() const { return bytes_.substr(at_); }
  [[nodiscard]] bool good() const { return good_; }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
  bool good_ = true;
};

struct Head {
  std::size_t utc_marks = 0;
  std::size_t wall_marks = 0;
  std::size_t leaps = 0;
  std::size_t times = 0;
  std::size_t types = 0;
  std::size_t letters = 0;

  /// Bytes of the block behind it, whose times have this size.
  [[nodiscard]] std::size_t bytes(std::size_t time) const {
    return times * (time + 1) + types * 6 + letters + leaps * (time + 4) + wall_marks + utc_marks;
  }
};

std::optional<Head> read_head(Reader& reader) {
  if (!reader.rest().starts_with("TZif")) return std::nullopt;
  reader.skip(20);
  std::array<std::size_t, 6> counts{};
  for (auto& count : counts) {
    const auto value = reader.number(4);
    if (value < 0 || value > static_cast<std::int64_t>(kFileBytesMax)) return std::nullopt;
    count = static_cast<std::size_t>(value);
  }
  const Head head{counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]};
  return reader.good() && head.types > 0 ? std::optional(head) : std::nullopt;
}

void add(TimeZone& zone, std::int64_t from, std::int32_t offset) {
  if (zone.spans.back().offset != offset) zone.spans.push_back({from, offset});
}

/// The times of the block, in order, or nothing if they are damaged.
bool read_times(Reader& reader, const Head& head, TimeZone& zone) {
  std::vector<std::int64_t> times(head.times);
  std::vector<std::size_t> kinds(head.times);
  std::vector<std::int32_t> offsets(head.types);
  for (auto& time : times) time = reader.number(8);
  for (auto& kind : kinds) kind = static_cast<std::size_t>(reader.number(1));
  for (auto& offset : offsets) {
    offset = static_cast<std::int32_t>(reader.number(4));
    if (offset < -kOffsetMax || offset > kOffsetMax) return false;
    reader.skip(2);
  }
  zone.spans = {{0, offsets.front()}};
  for (std::size_t i = 0; i < head.times; ++i) {
    const bool in_order = i == 0 || times[i - 1] < times[i];
    if (!in_order || kinds[i] >= offsets.size() || times[i] > kTimeMax) return false;
    add(zone, times[i], offsets[kinds[i]]);
  }
  reader.skip(head.bytes(8) - head.times * 9 - head.types * 6);
  return reader.good();
}

/// The rule for the future: `CET-1CEST,M3.5.0,M10.5.0/3`. Source: POSIX, TZ, with the extensions of RFC 9636.
class Rule {
 public:
  explicit Rule(std::string_view text) : text_(text) {}

  /// False if the text is damaged.
  bool apply(TimeZone& zone) {
    if (text_.empty()) return true;
    name();
    const auto standard = -clock();
    if (!good_) return false;
    if (text_.empty()) {
      add(zone, zone.spans.size() > 1 ? zone.spans.back().from + 1 : 0, standard);
      return true;
    }
    name();
    const auto summer = text_.starts_with(',') ? standard + 3600 : -clock();
    const auto starts = day();
    const auto ends = day();
    if (!good_ || !text_.empty()) return false;
    const auto known = zone.spans.size() > 1 ? zone.spans.back().from : -kTimeMax;
    for (int year = 1970; year <= kLastYear; ++year) {
      std::array<TimeZone::Span, 2> changes{
          {{second_of(starts, year) - standard, summer}, {second_of(ends, year) - summer, standard}}};
      if (changes[1].from < changes[0].from) std::swap(changes[0], changes[1]);
      for (const auto& change : changes)
        if (change.from > known) add(zone, change.from, change.offset);
    }
    return true;
  }

 private:
  struct Day {
    enum class Kind { month, julian, zero_based } kind = Kind::month;
    int month = 1;
    int week = 1;
    int number = 0;  ///< Day of the week or of the year.
    std::int32_t time = 7200;
  };

  bool take(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }

  void name() {
    const bool quoted = take('<');
    const auto end = std::find_if(text_.begin(), text_.end(), [&](char c) {
      return quoted ? c == '>' : !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
    });
    const auto size = static_cast<std::size_t>(end - text_.begin());
    good_ = good_ && size >= 3;
    text_.remove_prefix(size);
    if (quoted) good_ = take('>') && good_;
  }

  int number(int most) {
    int value = 0;
    std::size_t digits = 0;
    while (digits < text_.size() && digits < 4 && text_[digits] >= '0' && text_[digits] <= '9')
      value = value * 10 + (text_[digits++] - '0');
    good_ = good_ && digits > 0 && value <= most;
    text_.remove_prefix(digits);
    return value;
  }

  /// `[+-]hh[:mm[:ss]]` in seconds.
  std::int32_t clock() {
    const bool negative = take('-');
    if (!negative) take('+');
    auto seconds = number(167) * 3600;
    if (take(':')) seconds += number(59) * 60;
    if (take(':')) seconds += number(59);
    return negative ? -seconds : seconds;
  }

  Day day() {
    Day day;
    good_ = take(',') && good_;
    if (take('M')) {
      day.month = number(12);
      good_ = take('.') && good_ && day.month >= 1;
      day.week = number(5);
      good_ = take('.') && good_ && day.week >= 1;
      day.number = number(6);
    } else {
      day.kind = take('J') ? Day::Kind::julian : Day::Kind::zero_based;
      day.number = number(365);
    }
    if (take('/')) day.time = clock();
    return day;
  }

  /// As if local time were UTC.
  static std::int64_t second_of(const Day& day, int year) {
    using namespace std::chrono;
    const std::chrono::year in(year);
    sys_days date = in / January / 1;
    if (day.kind == Day::Kind::month) {
      const std::chrono::month month(static_cast<unsigned>(day.month));
      const weekday wanted(static_cast<unsigned>(day.number));
      date = day.week == 5 ? sys_days(in / month / wanted[last])
                           : sys_days(in / month / wanted[static_cast<unsigned>(day.week)]);
    } else {
      // Julian days count no leap day.
      const bool after_leap_day = day.kind == Day::Kind::julian && in.is_leap() && day.number >= 60;
      date += days(day.number - (day.kind == Day::Kind::julian ? 1 : 0) + (after_leap_day ? 1 : 0));
    }
    return static_cast<std::int64_t>(date.time_since_epoch().count()) * 86'400 + day.time;
  }

  std::string_view text_;
  bool good_ = true;
};

bool is_name(std::string_view name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '+' || c == '/';
  });
  // Those below `right` count leap seconds, which no other clock here does.
  return plain && !name.starts_with("right/") && !name.empty() && name.size() <= kNameBytesMax && name.front() != '/' &&
         name.back() != '/';
}

std::optional<std::string> read_zone_file(const std::filesystem::path& path) {
  std::error_code code;
  if (!std::filesystem::is_regular_file(path, code)) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  std::string bytes(kFileBytesMax, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file.eof()) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  return bytes;
}

}  // namespace

Result<TimeZone> parse_time_zone(std::string name, std::string_view bytes) {
  const auto damaged = [&] { return refused(name, "The file of the time zone '" + name + "' is damaged."); };
  Reader reader(bytes);
  const auto old_head = read_head(reader);
  if (!old_head || bytes[4] < '2') return damaged();
  reader.skip(old_head->bytes(4));
  const auto head = read_head(reader);
  if (!head || head->bytes(8) > reader.left()) return damaged();
  TimeZone zone;
  zone.name = name;
  if (!read_times(reader, *head, zone)) return damaged();
  auto rule = reader.rest();
  if (!rule.starts_with('\n') || rule.size() < 2 || rule.find('\n', 1) == std::string_view::npos) return damaged();
  rule = rule.substr(1, rule.find('\n', 1) - 1);
  if (!Rule(rule).apply(zone)) return damaged();
  return zone;
}

Result<TimeZone> load_time_zone(const std::string& name, const std::string& folder) {
  if (name == "UTC") return TimeZone{};
  if (!is_name(name)) return refused(name, "'" + name + "' is not the name of a time zone.");
  const auto bytes = read_zone_file(std::filesystem::path(folder) / name);
  if (!bytes) return refused(name, "There is no time zone '" + name + "' on this machine.");
  return parse_time_zone(name, *bytes);
}

}  // namespace hillstar
