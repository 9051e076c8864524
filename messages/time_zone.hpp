// SPDX-License-Identifier: Apache-2.0
// What clocks on the wall show, and when they are changed. runtime/platform reads it from the system's database.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace hillstar {

/// A time zone as a table. The default is UTC.
struct TimeZone {
  struct Span {
    std::int64_t from = 0;    ///< First second of it, since 1970 UTC; of no meaning for the first span.
    std::int32_t offset = 0;  ///< Seconds that local time is ahead of UTC.

    bool operator==(const Span&) const = default;
  };

  std::string name = "UTC";
  std::vector<Span> spans{{}};  ///< Never empty; ascending; neighbours have different offsets.

  /// Place of the span that the second is in.
  [[nodiscard]] std::size_t span_at(std::int64_t utc) const {
    const auto later = std::upper_bound(spans.begin() + 1, spans.end(), utc,
                                        [](std::int64_t second, const Span& span) { return second < span.from; });
    return static_cast<std::size_t>(later - spans.begin()) - 1;
  }
};

}  // namespace hillstar
