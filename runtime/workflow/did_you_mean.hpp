// SPDX-License-Identifier: Apache-2.0
// The nearest known name to a misspelt one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hillstar::workflow {

/// Number of letters to insert, remove, replace or swap with their neighbour; `limit + 1` if it is more than `limit`.
/// Source: optimal string alignment distance, restricted Damerau-Levenshtein.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit);

/// `did you mean 'review'?`, or empty if no candidate is near: a third of the letters may differ, case not counted.
std::string did_you_mean(std::string_view name, const std::vector<std::string_view>& candidates);
/// `one of 'a', 'b' or 'c'`.
std::string one_of(const std::vector<std::string_view>& names);

}  // namespace hillstar::workflow
