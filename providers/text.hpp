// SPDX-License-Identifier: Apache-2.0
// Trimming as Hillstar does it. Pure.
#pragma once

#include <string>
#include <string_view>

namespace hillstar::providers {

/// `text` without white space at both ends, Unicode's included (what Python's str.strip() removes).
/// `text` is UTF-8; malformed bytes are no white space.
std::string trimmed(std::string_view text);

}  // namespace hillstar::providers
