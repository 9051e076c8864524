// SPDX-License-Identifier: Apache-2.0
// Bytes as letters. Source: RFC 4648, sections 4 and 5.
#pragma once

#include <string>
#include <string_view>

namespace hillstar {

/// With `=` at its end, in one line. At most 1 GiB.
std::string base64(std::string_view bytes);
/// For addresses and headers: with `-` and `_`, without `=`.
std::string base64url(std::string_view bytes);

}  // namespace hillstar
