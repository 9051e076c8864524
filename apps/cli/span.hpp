// SPDX-License-Identifier: Apache-2.0
// A span of time as people type it.
#pragma once

#include <string_view>

#include "messages/error.hpp"
#include "messages/units.hpp"

namespace hillstar::cli {

/// `500ms`, `30s`, `15m`, `12h`, `90d`; at most 100 years. Errors: usage.
Result<Millis> span_of(std::string_view text);

}  // namespace hillstar::cli
