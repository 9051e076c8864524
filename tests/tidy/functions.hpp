// SPDX-License-Identifier: Apache-2.0
// Finds functions in C++ text as clang-format lays it out. No parser: it counts braces outside literals and comments.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace hillstar::tidy {

struct Function {
  std::string head;       ///< Its first line.
  std::size_t first = 0;  ///< Line indices, the closing brace included.
  std::size_t last = 0;

  [[nodiscard]] std::size_t lines() const { return last - first + 1; }
};

/// Functions that are not inside another one, in order.
std::vector<Function> functions_of(const std::vector<std::string>& lines);

}  // namespace hillstar::tidy
