// SPDX-License-Identifier: Apache-2.0
// Text from outside in a message: the beginning of it.
#pragma once

#include <string>

namespace hillstar::policy {

/// At most `most` bytes of UTF-8 text, cut between two characters, with "..." behind what was cut.
inline std::string shortened(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80U) --most;
  text.resize(most);
  return text + "...";
}

}  // namespace hillstar::policy
