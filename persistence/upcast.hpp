// SPDX-License-Identifier: Apache-2.0
// Old record versions -> today's shape. The only code that knows old shapes.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <string_view>

#include "messages/error.hpp"

namespace hillstar::persistence {

/// The version that is written today.
inline constexpr std::uint64_t kRecordVersion = 1;

/// Brings `data` of a `type` record from `version` to kRecordVersion, one version at a time.
/// store_version if the version is newer than this program; record_corrupt if there never was such a version.
Result<void> upcast(std::uint64_t version, std::string_view type, boost::json::value& data);

}  // namespace hillstar::persistence
