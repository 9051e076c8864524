// SPDX-License-Identifier: Apache-2.0
// Which process owns a store now.
#pragma once

#include <sys/types.h>

#include <string>

namespace hillstar::cli {

/// The process that holds the lock of the store in `folder`; 0: nobody, or it cannot be told. Not to be called by the
/// owner itself: it would lose its lock.
pid_t owner_of(const std::string& folder);

}  // namespace hillstar::cli
