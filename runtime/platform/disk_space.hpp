// SPDX-License-Identifier: Apache-2.0
// How much room a file system has left.
#pragma once

#include <cstdint>
#include <string>

#include "messages/error.hpp"

namespace hillstar {

/// Bytes that this person may still write to the file system that `folder` is on, or would be: of a path that is not
/// there, the nearest folder above counts. io if it cannot be asked. Thread-safe.
Result<std::uint64_t> free_bytes(const std::string& folder);

}  // namespace hillstar
