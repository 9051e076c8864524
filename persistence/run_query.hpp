// SPDX-License-Identifier: Apache-2.0
// Which runs are asked for, and a page of the answer.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "messages/error.hpp"
#include "messages/ids.hpp"
#include "messages/units.hpp"
#include "runtime/run/view.hpp"

namespace hillstar::persistence {

/// Rows that one page may have.
inline constexpr std::size_t kPageRowsMax = 1'000;

/// What is set must hold.
struct RunQuery {
  std::vector<std::string> statuses = {};  ///< Any of them; empty: all.
  std::optional<WorkflowId> workflow = {};
  std::optional<std::string> stream = {};
  std::optional<std::string> key = {};  ///< Of a trigger; only together with `stream`.
  std::optional<std::string> correlation = {};
  std::optional<std::pair<std::string, std::string>> label = {};  ///< Name and value.
  std::optional<RunId> above = {};                                ///< The run that they are parts of.
  std::optional<UtcTime> since = {};                              ///< Started then or later,
  std::optional<UtcTime> until = {};                              ///< started before.
  std::optional<RunId> before = {};                               ///< Older than this run: the next page.
  std::size_t limit = 100;                                        ///< 1 to kPageRowsMax.
};

struct RunPage {
  std::vector<run::Summary> rows;     ///< Newest first.
  bool more = false;                  ///< There are older ones.
  std::optional<Error> problem = {};  ///< Of the first row that could not be read; such rows are left out.
};

/// What the status of a run without an end may be.
const std::vector<std::string>& open_statuses();

/// Is it one of those that are asked for? Does not look at `before` and `limit`.
bool matches(const RunQuery& query, const run::Summary& row);

}  // namespace hillstar::persistence
