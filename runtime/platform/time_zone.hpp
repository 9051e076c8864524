// SPDX-License-Identifier: Apache-2.0
// Time zones from the system's database (Debian: tzdata). RFC 9636.
#pragma once

#include <string>
#include <string_view>

#include "messages/error.hpp"
#include "messages/time_zone.hpp"

namespace hillstar {

/// The zone of this name, such as `Europe/Berlin`; `UTC` needs no database. stream_invalid if there is no such zone, or
/// if its file is damaged. The rule for the future is written out up to the year 2200.
Result<TimeZone> load_time_zone(const std::string& name, const std::string& folder = "/usr/share/zoneinfo");

/// A zone from the bytes of its file.
Result<TimeZone> parse_time_zone(std::string name, std::string_view bytes);

}  // namespace hillstar
