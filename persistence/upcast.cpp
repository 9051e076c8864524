// SPDX-License-Identifier: Apache-2.0
#include "persistence/upcast.hpp"

#include <string>

namespace hillstar::persistence {

Result<void> upcast(std::uint64_t version, std::string_view /*type*/, boost::json::value& /*data*/) {
  if (version > kRecordVersion)
    return Error(Errc::store_version,
                 "record version " + std::to_string(version) +
                     " is newer than this program, which knows versions up to " + std::to_string(kRecordVersion) + ".",
                 {}, "Use the program that wrote it, or a newer one.");
  if (version == 0) return Error(Errc::record_corrupt, "record version 0 was never in use.");
  // Version 1 is today's shape. The step from 1 to 2 goes here, once there is a 2.
  return {};
}

}  // namespace hillstar::persistence
