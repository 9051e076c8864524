// SPDX-License-Identifier: Apache-2.0
// Bytes that nobody can guess.
#pragma once

#include <cstddef>
#include <string>

namespace hillstar {

inline constexpr std::size_t kRandomBytesMax = 256;

/// `size` bytes from the kernel's generator; at most kRandomBytesMax. Thread-safe.
std::string random_bytes(std::size_t size);

}  // namespace hillstar
