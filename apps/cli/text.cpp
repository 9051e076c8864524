// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "messages/json.hpp"

namespace hillstar::cli {
namespace {

/// Takes one code point of well-formed UTF-8 off the front of `text`.
char32_t take(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  char32_t point = length == 1 ? lead : lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length && i < text.size(); ++i)
    point = (point << 6U) | (static_cast<unsigned char>(text[i]) & 0x3FU);
  text.remove_prefix(std::min(length, text.size()));
  return point;
}

bool turns_direction(char32_t point) {
  return (point >= 0x202A && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069) || point == 0x200E ||
         point == 0x200F || point == 0x061C;
}
bool is_control(char32_t point) {
  return point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x2028 || point == 0x2029 ||
         turns_direction(point);
}

// Source: Unicode Standard Annex 11; blocks that terminals draw two columns wide.
bool is_wide(char32_t p) {
  return (p >= 0x1100 && p <= 0x115F) || (p >= 0x2E80 && p <= 0xA4CF) || (p >= 0xAC00 && p <= 0xD7A3) ||
         (p >= 0xF900 && p <= 0xFAFF) || (p >= 0xFE30 && p <= 0xFE6F) || (p >= 0xFF00 && p <= 0xFF60) ||
         (p >= 0xFFE0 && p <= 0xFFE6) || (p >= 0x1F300 && p <= 0x1FAFF) || (p >= 0x20000 && p <= 0x3FFFD);
}
bool is_combining(char32_t p) {
  return (p >= 0x0300 && p <= 0x036F) || (p >= 0x200B && p <= 0x200D) || (p >= 0x20D0 && p <= 0x20FF) ||
         (p >= 0xFE00 && p <= 0xFE0F);
}
std::size_t width_of(char32_t point) { return is_combining(point) ? 0 : is_wide(point) ? 2 : 1; }

/// Drops an escape sequence whose ESC has been taken: CSI up to its final byte, OSC up to BEL or ST, else one byte.
void skip_escape(std::string_view& text) {
  if (text.empty()) return;
  const char kind = text.front();
  text.remove_prefix(1);
  if (kind == '[') {
    while (!text.empty() && !(text.front() >= 0x40 && text.front() <= 0x7E)) text.remove_prefix(1);
    if (!text.empty()) text.remove_prefix(1);
  } else if (kind == ']') {
    while (!text.empty() && text.front() != 0x07 && text.front() != 0x1B) text.remove_prefix(1);
    if (!text.empty() && text.front() == 0x1B) text.remove_prefix(1);
    if (!text.empty()) text.remove_prefix(1);
  }
}

}  // namespace

std::string visible(std::string_view raw) {
  const std::string clean = json::to_utf8(raw);
  std::string_view text = clean;
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::string_view before = text;
    const char32_t point = take(text);
    if (point == '\r' && !text.empty() && text.front() == '\n') continue;
    if (point != '\n' && point != '\t' && is_control(point))
      out += point < 0x100 ? fmt::format("\\x{:02x}", static_cast<unsigned>(point))
                           : fmt::format("\\u{:04x}", static_cast<unsigned>(point));
    else
      out.append(before.substr(0, before.size() - text.size()));
  }
  return out;
}

std::string one_line(std::string_view raw, std::size_t width) {
  // A terminal line needs no more than this; it keeps the work small for huge outputs.
  const std::string clean = json::to_utf8(raw.substr(0, width * 16 + 64));
  std::string_view text = clean;
  std::string out;
  std::string fits;  // the longest prefix that leaves room for the ellipsis
  std::size_t used = 0;
  bool gap = false;
  while (!text.empty()) {
    const std::string_view before = text;
    const char32_t point = take(text);
    if (point == 0x1B) {
      skip_escape(text);
      continue;
    }
    if (point == ' ' || point == '\n' || point == '\t' || point == '\r') {
      gap = !out.empty();
      continue;
    }
    if (is_control(point)) continue;
    const std::size_t needed = width_of(point) + (gap ? 1 : 0);
    if (used + needed > width) return width == 0 ? std::string() : fits + "…";
    if (gap) out += ' ';
    gap = false;
    out.append(before.substr(0, before.size() - text.size()));
    used += needed;
    if (used + 1 <= width) fits = out;
  }
  return out;
}

std::string_view last_line(std::string_view text) {
  const auto end = text.find_last_not_of(" \t\r\n");
  if (end == std::string_view::npos) return {};
  text = text.substr(0, end + 1);
  const auto newline = text.find_last_of("\r\n");
  return newline == std::string_view::npos ? text : text.substr(newline + 1);
}

std::size_t columns(std::string_view raw) {
  const std::string clean = json::to_utf8(raw);
  std::string_view text = clean;
  std::size_t count = 0;
  while (!text.empty()) count += width_of(take(text));
  return count;
}

std::string pad(std::string_view text, std::size_t width) {
  std::string out(text);
  const std::size_t used = columns(text);
  if (used < width) out.append(width - used, ' ');
  return out;
}

std::string duration(Millis time) {
  const auto ms = std::max<std::int64_t>(time.count(), 0);
  if (ms < 1'000) return fmt::format("{:.3f} s", static_cast<double>(ms) / 1e3);
  if (ms < 10'000) return fmt::format("{:.2f} s", static_cast<double>(ms) / 1e3);
  if (ms < 60'000) return fmt::format("{:.1f} s", static_cast<double>(ms) / 1e3);
  const auto seconds = ms / 1'000;
  if (seconds < 3'600) return fmt::format("{} m {:02} s", seconds / 60, seconds % 60);
  return fmt::format("{} h {:02} m", seconds / 3'600, seconds % 3'600 / 60);
}

std::string money(MicroUsd amount) {
  const bool tiny = amount.count % 100 != 0 && std::abs(amount.count) < 10'000;
  return fmt::format("${:.{}f}", static_cast<double>(amount.count) / 1e6, tiny ? 6 : 4);
}

std::string short_time(UtcTime time) {
  std::string text = to_rfc3339(time);
  if (text.size() < 19) return text;
  text.resize(19);
  text[10] = ' ';
  return text + "Z";
}

std::vector<std::string> table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    if (row.size() > widths.size()) widths.resize(row.size(), 0);
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns(row[i]));
  }
  std::vector<std::string> lines;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) line += "  ";
      line += i + 1 == row.size() ? row[i] : pad(row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string shell_word(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-./@:,").find(c) != std::string_view::npos;
  });
  if (plain) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace hillstar::cli
