// SPDX-License-Identifier: Apache-2.0
// Runs that are parts of a run: which node has which, and what they wait for.
#pragma once

#include <string>
#include <vector>

#include "apps/cli/report.hpp"
#include "runtime/run/why.hpp"

namespace hillstar::cli {

/// Parts that are shown; `ls --part-of` has them all.
inline constexpr std::size_t kPartsShownMax = 20;

struct RunPart {
  std::string unit;  ///< `review`, `review[3]`; empty: not known any more.
  run::Summary row;
};
struct RunParts {
  std::vector<RunPart> parts;  ///< Newest first.
  bool more = false;
};
RunParts parts_of(const persistence::EventStore& store, const StoredRun& stored);
Json to_json(const RunParts& parts);

/// Nothing of the run's parts moves: each has ended, or waits for a person and so do its own.
bool parts_rest(const persistence::EventStore& store, const RunId& run);

/// Adds what the runs wait for that nodes of this run wait for.
void add_parts(const persistence::EventStore& store, const StoredRun& stored, run::Why& why);

}  // namespace hillstar::cli
