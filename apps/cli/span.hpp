// SPDX-License-Identifier: Apache-2.0
// Spans of time and sizes as people type them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "messages/error.hpp"
#include "messages/units.hpp"

namespace hillstar::cli {

/// `500ms`, `30s`, `15m`, `12h`, `90d`; at most 100 years. Errors: usage.
Result<Millis> span_of(std::string_view text);

/// `1000`, `500K`, `20M`, `3G`, `1T`: powers of 1024. Errors: usage, with the option's name.
Result<std::uint64_t> bytes_of(const std::string& text, const std::string& option);

}  // namespace hillstar::cli
