// SPDX-License-Identifier: Apache-2.0
// HMAC-SHA256 over OpenSSL.
#pragma once

#include <string_view>

#include "runtime/platform/hash.hpp"

namespace hillstar {

/// HMAC-SHA256 (RFC 2104) of the concatenation of `a` and `b`, without building it. Thread-safe.
Sha256 hmac_sha256(std::string_view key, std::string_view a, std::string_view b = {});

}  // namespace hillstar
