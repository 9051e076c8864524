// SPDX-License-Identifier: Apache-2.0
// HMAC-SHA256 and what is made of it, over OpenSSL.
#pragma once

#include <string_view>

#include "messages/secret.hpp"
#include "runtime/platform/hash.hpp"

namespace hillstar {

/// HMAC-SHA256 (RFC 2104) of the concatenation of `a` and `b`, without building it. Thread-safe.
Sha256 hmac_sha256(std::string_view key, std::string_view a, std::string_view b = {});

/// HKDF-SHA256 (RFC 5869), 32 bytes: a key for one purpose, which `info` names, from one for many. It tells nothing of
/// `secret`, nor of what other names give. Thread-safe.
Secret hkdf_sha256(std::string_view secret, std::string_view salt, std::string_view info);

/// Whether they are the same, in a time that depends on their lengths only.
bool same_secret(std::string_view a, std::string_view b);

}  // namespace hillstar
