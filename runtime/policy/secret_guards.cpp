// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/secret_guards.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

namespace hillstar::policy {
namespace {

constexpr std::size_t kValueBytesMin = 8;
constexpr std::size_t kWordBytesMax = 16;  // longer runs of letters are no words
constexpr std::size_t kLongBytes = 20;

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_letter(char c) { return is_upper(c) || is_lower(c); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct Kinds {
  std::size_t digits = 0;
  std::size_t upper = 0;
  std::size_t lower = 0;
  std::size_t joints = 0;  // _ - .
  std::size_t spaces = 0;
  std::size_t others = 0;
};

Kinds kinds_of(std::string_view text) {
  Kinds kinds;
  for (const char c : text) {
    kinds.digits += is_digit(c) ? 1 : 0;
    kinds.upper += is_upper(c) ? 1 : 0;
    kinds.lower += is_lower(c) ? 1 : 0;
    const bool joint = c == '_' || c == '-' || c == '.';
    const bool space = static_cast<unsigned char>(c) <= ' ';
    kinds.joints += joint ? 1 : 0;
    kinds.spaces += space ? 1 : 0;
    kinds.others += !joint && !space && !is_digit(c) && !is_letter(c) ? 1 : 0;
  }
  return kinds;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (is_upper(c)) c = static_cast<char>(c - 'A' + 'a');
  return out;
}

/// What stands where a person is to put a value, or where one was taken out.
bool is_placeholder(std::string_view text) {
  constexpr std::size_t kLookedAt = 256;
  constexpr std::array<std::string_view, 17> kWords{
      "example", "placeholder", "changeme", "change_me", "change-me", "replace", "redacted", "insert", "your_",
      "your-",   "dummy",       "xxxx",     "****",      "....",      "${",      "{{",       "$("};
  const auto small = lower(text.substr(0, kLookedAt));
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](std::string_view word) { return small.find(word) != std::string::npos; });
}

/// `$NAME`, `%(name)s`, `<name>`, `[name]`, `@file`.
bool is_template(std::string_view text) {
  const char first = text.front();
  const char second = text.size() > 1 ? text[1] : ' ';
  return (first == '$' && (is_letter(second) || second == '_')) || (first == '%' && second == '(') || first == '<' ||
         first == '[' || first == '{' || text.find("[REDACTED") != std::string_view::npos;
}

bool is_path(std::string_view text) {
  constexpr std::size_t kAwsSecretBytes = 40;  // base64, so some start with a slash
  return (text.front() == '/' && text.size() != kAwsSecretBytes) || text.starts_with("./") || text.starts_with("../") ||
         text.starts_with("~/") || text.find("://") != std::string_view::npos;
}

bool may_be_value(std::string_view text) {
  return text.size() >= kValueBytesMin && !is_template(text) && !is_path(text) && !is_placeholder(text);
}

}  // namespace

std::size_t has_digit(std::string_view match) {
  return std::any_of(match.begin(), match.end(), is_digit) && !is_placeholder(match) ? match.size() : 0;
}

std::size_t has_digit_or_is_long(std::string_view match) {
  const bool digit = std::any_of(match.begin(), match.end(), is_digit);
  return (digit || match.size() >= kLongBytes) && !is_template(match) && !is_placeholder(match) ? match.size() : 0;
}

std::size_t is_basic(std::string_view match) {
  std::uint32_t bits = 0;
  unsigned count = 0;
  bool colon = false;
  for (const char c : match.substr(0, match.find('='))) {
    unsigned value = 62U + (c == '/' ? 1U : 0U);
    if (is_upper(c)) value = static_cast<unsigned>(c - 'A');
    if (is_lower(c)) value = static_cast<unsigned>(c - 'a') + 26;
    if (is_digit(c)) value = static_cast<unsigned>(c - '0') + 52;
    bits = bits << 6U | value;
    if ((count += 6) < 8) continue;
    count -= 8;
    const auto byte = (bits >> count) & 0xFFU;
    if (byte < 0x20 || byte == 0x7F) return 0;
    colon = colon || byte == ':';
  }
  return colon ? match.size() : 0;
}

std::size_t is_quoted_secret(std::string_view match) {
  if (!may_be_value(match)) return 0;
  const auto kinds = kinds_of(match);
  if (kinds.spaces > 0) return 0;
  if (kinds.digits > 0 || kinds.others > 0) return match.size();
  return kinds.joints == 0 && match.size() >= kWordBytesMax ? match.size() : 0;
}

std::size_t is_bare_secret(std::string_view match) {
  if (!may_be_value(match)) return 0;
  const auto kinds = kinds_of(match);
  const bool letters = kinds.upper + kinds.lower > 0;
  if (!letters || kinds.digits == 0 || kinds.spaces > 0) return 0;
  // `settings.token2` and `sha256_of_it` are names.
  const bool name = !is_digit(match.front()) && kinds.others == 0;
  if (name && match.find('.') != std::string_view::npos) return 0;
  if (name && (kinds.digits < 2 || (kinds.joints > 0 && kinds.digits * 5 < match.size()))) return 0;
  return match.size();
}

std::size_t is_environment_secret(std::string_view match) {
  if (!may_be_value(match)) return 0;
  const auto kinds = kinds_of(match);
  const bool name = kinds.lower == 0 && kinds.digits == 0;
  return !name && kinds.upper + kinds.lower > 0 ? match.size() : 0;
}

std::size_t is_password(std::string_view match) {
  const bool word = match == "password" || match == "secret" || match == "passwd";
  return word || is_template(match) || is_placeholder(match) ? 0 : match.size();
}

std::size_t is_card(std::string_view match) {
  if (match.front() < '2' || match.front() > '6') return 0;
  constexpr std::size_t kMin = 13;
  constexpr std::size_t kMax = 19;
  std::string plain;
  std::size_t accepted = 0;
  for (std::size_t i = 0; i < match.size() && plain.size() < kMax; ++i) {
    if (!is_digit(match[i])) continue;
    plain += match[i];
    const bool ends = i + 1 == match.size() || !is_digit(match[i + 1]);
    if (!ends || plain.size() < kMin) continue;
    unsigned sum = 0;
    for (std::size_t at = 0; at < plain.size(); ++at) {
      const auto digit = static_cast<unsigned>(plain[plain.size() - 1 - at] - '0') * (at % 2 == 1 ? 2U : 1U);
      sum += digit > 9 ? digit - 9 : digit;
    }
    if (sum % 10 == 0) accepted = i + 1;
  }
  return accepted;
}

std::size_t is_iban(std::string_view match) {
  constexpr std::size_t kMin = 15;
  constexpr std::size_t kMax = 34;
  std::string plain;
  std::size_t accepted = 0;
  for (std::size_t i = 0; i < match.size() && plain.size() < kMax; ++i) {
    if (match[i] == ' ') continue;
    plain += match[i];
    const bool ends = i + 1 == match.size() || match[i + 1] == ' ';
    if (!ends || plain.size() < kMin) continue;
    unsigned rest = 0;
    for (std::size_t at = 0; at < plain.size(); ++at) {
      const char c = plain[(at + 4) % plain.size()];
      rest = is_digit(c) ? (rest * 10 + static_cast<unsigned>(c - '0')) % 97
                         : (rest * 100 + static_cast<unsigned>(c - 'A') + 10) % 97;
    }
    if (rest == 1) accepted = i + 1;
  }
  return accepted;
}

std::size_t is_ssn(std::string_view match) {
  const auto area = match.substr(0, 3);
  const bool given =
      area != "000" && area != "666" && area.front() != '9' && match.substr(4, 2) != "00" && match.substr(7) != "0000";
  return given ? match.size() : 0;
}

}  // namespace hillstar::policy
