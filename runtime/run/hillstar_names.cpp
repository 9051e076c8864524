// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/hillstar_names.hpp"

#include <algorithm>

namespace hillstar::run {
namespace {

constexpr std::size_t kDigitsMax = 9;
constexpr std::size_t kHashDigits = 16;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string digits_at(std::string_view text, std::size_t begin) {
  auto end = begin;
  while (end < text.size() && end - begin < kDigitsMax && is_digit(text[end])) ++end;
  return std::string(text.substr(begin, end - begin));
}

std::string after_prefix(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix ? digits_at(text, prefix.size()) : std::string();
}

bool is_plain(char c) {
  const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return is_letter || is_digit(c) || c == '.' || c == '_' || c == '-' || c == '@';
}

}  // namespace

std::string step_of(std::string_view workflow_id) {
  if (const auto digits = after_prefix(workflow_id, "pre_phase_"); !digits.empty()) return "pre_" + digits;
  if (auto digits = after_prefix(workflow_id, "phase_"); !digits.empty()) return digits;
  constexpr std::string_view kStep = "step_";
  for (auto at = workflow_id.find(kStep); at != std::string_view::npos; at = workflow_id.find(kStep, at + 1))
    if (auto digits = digits_at(workflow_id, at + kStep.size()); !digits.empty()) return digits;
  return {};
}

std::string safe_name(std::string_view id, const HashText& sha256_hex) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string name;
  for (std::size_t i = 0; i < id.size(); ++i) {
    const auto c = id[i];
    if (is_plain(c) && !(i == 0 && c == '.')) {
      name += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      name += '%';
      name += kHex[byte >> 4U];
      name += kHex[byte & 15U];
    }
  }
  if (name.size() <= kSafeNameMax) return name;
  // `%` followed by a letter that is no hex digit: no encoded id looks like it.
  return name.substr(0, kSafeNameMax - kHashDigits - 2) + "%x" + sha256_hex(id).substr(0, kHashDigits);
}

std::string file_stamp(UtcTime time) {
  const auto text = to_rfc3339(time);  // 2026-11-22T00:34:03.867235Z
  return text.substr(0, 4) + text.substr(5, 2) + text.substr(8, 2) + "_" + text.substr(11, 2) + text.substr(14, 2) +
         text.substr(17, 2);
}

std::string iso_utc(UtcTime time) {
  auto text = to_rfc3339(time);
  if (!text.empty() && text.back() == 'Z') text.pop_back();
  return text + "+00:00";
}

std::string plain_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
  return text;
}

double seconds(std::int64_t micros) { return static_cast<double>(micros) / 1e6; }

}  // namespace hillstar::run
