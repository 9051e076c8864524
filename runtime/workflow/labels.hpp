// SPDX-License-Identifier: Apache-2.0
// What a label of a machine is: of a placement as much as of a worker.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace hillstar::workflow {

inline constexpr std::size_t kLabelsMax = 64;
inline constexpr std::string_view kLabelHint = "up to 64 letters, digits, '_', '-' and '.', a letter or digit first";

/// A name, or a value that is not empty.
bool is_label_word(std::string_view text);
/// What is wrong with the first of them that is none; empty: nothing. An empty value: a label that is only a name.
std::string fault_of_labels(const std::map<std::string, std::string>& labels);

}  // namespace hillstar::workflow
