// SPDX-License-Identifier: Apache-2.0
// Streams under load: runs through one stream, and very many runs that wait.
#pragma once

#include <string>

namespace hillstar::bench {

/// 20,000 runs of three steps, offered to one stream as fast as it takes them. `folder` is empty.
void runs_through_a_stream(const std::string& folder);
/// 100,000 runs that wait for a person: what they cost while nothing happens, and a restart among them.
void waiting_runs(const std::string& folder);

/// So many runs of three steps through one stream, of which few are under way at a time: resident memory at each third.
void memory_over_runs(const std::string& folder, int runs);

}  // namespace hillstar::bench
