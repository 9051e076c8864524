// SPDX-License-Identifier: Apache-2.0
#include "messages/error.hpp"

namespace hillstar {

std::string number(Errc code) { return "HS" + std::to_string(static_cast<unsigned>(code)); }

std::string to_string(const Error& error) {
  std::string text = number(error.code);
  if (!error.where.empty()) text += " at " + error.where;
  text += ": " + error.message;
  if (!error.hint.empty()) text += " " + error.hint;
  return text;
}

void invariant_failed(std::string_view expression, const char* file, int line) {
  throw InvariantError{std::string(expression) + " at " + file + ":" + std::to_string(line)};
}

}  // namespace hillstar
