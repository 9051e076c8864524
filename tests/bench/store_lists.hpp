// SPDX-License-Identifier: Apache-2.0
// Lists of a store with very many runs, and its opening.
#pragma once

#include <string>

namespace hillstar::bench {

/// A million runs: one page for each kind of question.
void lists(const std::string& folder);
/// 100,000 runs without an end: opening the store and listing them.
void restart(const std::string& folder);

}  // namespace hillstar::bench
