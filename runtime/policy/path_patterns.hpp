// SPDX-License-Identifier: Apache-2.0
// Patterns of paths, as people know them from .gitignore. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hillstar::policy {

/// Longest pattern, in bytes: the time of a match is its length times the path's.
inline constexpr std::size_t kPathPatternMax = 256;

/// Whether `path`, relative and with `/` between its parts, fits `pattern`.
///
/// `*` is any text within a part, `**` any text, `?` one character of a part, `[a-z]` one of them, `[!a-z]` none of
/// them, and a backslash makes the next character plain. A pattern without a slash fits the last part of a path, one
/// with a slash the whole path; a slash at the end means a folder and all below it, one at the start nothing else.
bool fits_path(std::string_view pattern, std::string_view path);

/// What is wrong with a pattern, for a message; nothing if it can be used.
std::optional<std::string> problem_with_pattern(std::string_view pattern);

}  // namespace hillstar::policy
