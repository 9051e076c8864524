// SPDX-License-Identifier: Apache-2.0
// What a request line asks for: path and query, decoded strictly. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "messages/error.hpp"

namespace hillstar::http {

/// Longest target that is read.
inline constexpr std::size_t kTargetBytesMax = 8U << 10U;
inline constexpr std::size_t kSegmentsMax = 32;
inline constexpr std::size_t kQueryPairsMax = 64;

struct Target {
  std::string path;                                        ///< Decoded; a slash in it may be an escaped one.
  std::vector<std::string> segments;                       ///< Decoded one by one; `/` has none.
  std::vector<std::pair<std::string, std::string>> query;  ///< Decoded, in order.
};

/// Reads `/path?query`. Refused with `usage`: any other form, characters that an address may not hold, broken escapes,
/// control characters and invalid UTF-8 behind escapes, `.` and `..` as segments, more parts than are allowed.
Result<Target> read_target(std::string_view text);

/// Undoes percent-encoding; with `plus`, `+` is a space. Errors: usage.
Result<std::string> percent_decoded(std::string_view text, bool plus);

}  // namespace hillstar::http
