// SPDX-License-Identifier: Apache-2.0
// What is going on in a store at this moment: as one document, and as a table of some size. The table is a pure
// function of the document.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "actors/engine.hpp"
#include "messages/json.hpp"

namespace hillstar::cli {

/// Runs without an end that the document lists, newest first; all are counted.
inline constexpr std::size_t kTopRunsMax = 200;
/// Runs of today that are added up; with more of them the sums are of the newest.
inline constexpr std::size_t kTopTodayMax = 10'000;

/// `{"at","host","runs":{status: count},"live":[...],"streams":[...],"backends":[...],"today":{...}}`. Without an
/// engine there is no host, and nothing is told about backends.
Result<Json> top_document(const persistence::EventStore& store, const Engine* engine, UtcTime now);

struct TopFrame {
  std::size_t columns = 80;
  std::optional<std::size_t> rows = {};  ///< Absent: as many as it takes.
  bool color = false;
};
/// `before` is an earlier document, for rates; null: none. No line is wider than the frame.
std::vector<std::string> top_lines(const Json& document, const Json& before, const TopFrame& frame);

}  // namespace hillstar::cli
