// SPDX-License-Identifier: Apache-2.0
#include "providers/text.hpp"

#include <algorithm>
#include <array>

namespace hillstar::providers {
namespace {

/// White space beyond ASCII in UTF-8: U+0085, U+00A0, U+1680, U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F, U+3000.
constexpr std::array<std::string_view, 19> kWide{
    "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81", "\xE2\x80\x82", "\xE2\x80\x83",
    "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86", "\xE2\x80\x87", "\xE2\x80\x88", "\xE2\x80\x89", "\xE2\x80\x8A",
    "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"};

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || (c >= '\x1C' && c <= '\x1F'); }

}  // namespace

std::string trimmed(std::string_view text) {
  for (bool more = true; more;) {
    more = false;
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    for (const auto wide : kWide) {
      if (text.starts_with(wide)) {
        text.remove_prefix(wide.size());
        more = true;
      }
      if (text.ends_with(wide)) {
        text.remove_suffix(wide.size());
        more = true;
      }
    }
  }
  return std::string(text);
}

}  // namespace hillstar::providers
