// SPDX-License-Identifier: Apache-2.0
// Files of the person's own: written whole or not at all, and for nobody else to read.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "messages/error.hpp"

namespace hillstar::cli {

inline constexpr std::size_t kPrivateFileBytesMax = 4U << 20U;

/// What becomes of a file whose text is given (nothing: there is no such file); no text: it stays as it is.
using Change = std::function<Result<std::optional<std::string>>(const std::optional<std::string>& text)>;

/// Reads `path`, asks `change`, and replaces the file in one step, durably, with mode 0600; folders that are missing
/// are made with 0700. A symbolic link stays one. One process at a time: others wait, at most ten seconds. Errors:
/// those of `change`; io, permission_denied.
Result<void> change_private_file(const std::string& path, const Change& change);

/// Why others could read or write the file or its folder, in words with the mend; nothing if they cannot, or there is
/// no such file.
std::optional<std::string> too_open(const std::string& path);

}  // namespace hillstar::cli
