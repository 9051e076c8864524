// SPDX-License-Identifier: Apache-2.0
// What this program is.
#pragma once

#include <string_view>

namespace hillstar::cli {

/// `0.1.0`.
std::string_view version();
/// `hillstar-actors 0.1.0 (gcc 12.2.0, release)`: recorded with every run.
std::string_view engine_name();

}  // namespace hillstar::cli
