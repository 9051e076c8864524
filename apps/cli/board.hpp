// SPDX-License-Identifier: Apache-2.0
// The live board as a pure function: a followed run, a size and a time -> lines. Redrawing is in display.cpp.
#pragma once

#include <string>
#include <vector>

#include "apps/cli/live_run.hpp"

namespace hillstar::cli {

struct BoardFrame {
  std::size_t columns = 80;
  std::size_t rows = 24;  ///< Lines the board may take, the header included; at least 3.
  UtcTime now;
  bool color = false;
};

/// Lines without control characters other than colours; none is wider than the frame, so none wraps.
/// Header, running units (oldest first) with time and the last line they printed, nodes that wait for a retry or
/// for a person, failed nodes. What does not fit is counted in the last line.
std::vector<std::string> board_lines(const LiveRun& live, const BoardFrame& frame);

/// `████████░░░░` of `width` columns.
std::string bar(std::uint64_t done, std::uint64_t all, std::size_t width);

}  // namespace hillstar::cli
