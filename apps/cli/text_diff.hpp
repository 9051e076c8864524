// SPDX-License-Identifier: Apache-2.0
// What changed between two texts, line by line; and JSON in lines, so that it can be compared that way. Pure.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hillstar::cli {

/// Pairs of lines that are compared at most; beyond it the differing middle is shown as removed and added whole.
inline constexpr std::size_t kDiffCellsMax = 4'000'000;

/// The changed lines with `-` and `+`, up to two unchanged ones around them with a space, and `@@ -3,4 +3,5 @@` before
/// each such piece. At most `lines_max` lines, the last one then says how many are left out. Empty if nothing differs.
std::vector<std::string> unified_diff(std::string_view before, std::string_view after, std::size_t lines_max);

/// A line for a terminal: its first `bytes_max` bytes, visible, and `…` if there are more.
std::string cut_line(std::string_view line, std::size_t bytes_max);

/// Indented by two for each level.
std::string pretty(const boost::json::value& value);

}  // namespace hillstar::cli
