// SPDX-License-Identifier: Apache-2.0
// Words of a line that could be names of blobs. Internal to persistence.
#pragma once

#include <string_view>

#include "persistence/event_codec.hpp"

namespace hillstar::persistence {

/// Calls `take` with each word of just 64 lower-case hex digits. Looks at every 64th character, and around the digits
/// that it meets.
template <class Take>
void each_hex_name(std::string_view line, const Take& take) {
  constexpr std::size_t kDigits = 64;
  const auto is_digit = [&](std::size_t i) {
    return (line[i] >= '0' && line[i] <= '9') || (line[i] >= 'a' && line[i] <= 'f');
  };
  for (std::size_t i = kDigits - 1; i < line.size();) {
    if (!is_digit(i)) {
      i += kDigits;
      continue;
    }
    std::size_t begin = i;
    while (begin > 0 && is_digit(begin - 1)) --begin;
    std::size_t end = i + 1;
    while (end < line.size() && is_digit(end)) ++end;
    if (end - begin == kDigits)
      if (const auto hash = hash_from_hex(line.substr(begin, kDigits))) take(*hash);
    i = end + kDigits;
  }
}

}  // namespace hillstar::persistence
