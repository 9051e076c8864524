// SPDX-License-Identifier: Apache-2.0
// Who has a store open.
#pragma once

#include <sys/types.h>

#include <string>

namespace hillstar::cli {

/// The process that holds the lock of the store in that folder; 0: nobody, or none that can be seen from here.
pid_t owner_of(const std::string& folder);

}  // namespace hillstar::cli
