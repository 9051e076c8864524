// SPDX-License-Identifier: Apache-2.0
// Which process owns a store now.
#pragma once

#include <sys/types.h>

#include <string>

namespace hillstar::cli {

/// A service elsewhere, which has no process here.
inline constexpr pid_t kServiceOwner = -1;

/// The process that holds the lock of the store in `folder`; 0: nobody, or it cannot be told; kServiceOwner. Not to be
/// called by the owner itself: it would lose its lock.
pid_t owner_of(const std::string& folder);

}  // namespace hillstar::cli
