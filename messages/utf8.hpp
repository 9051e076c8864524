// SPDX-License-Identifier: Apache-2.0
// Well-formed UTF-8, one character at a time. For the JSON reader and writer.
#pragma once

#include <cstddef>
#include <string_view>

namespace hillstar::json {

/// Length of the well-formed UTF-8 sequence at the start of `text`, 0 if there is none.
std::size_t utf8_length(std::string_view text);

}  // namespace hillstar::json
