// SPDX-License-Identifier: Apache-2.0
// Files of a workspace that patterns name, as `files_in` and `files_out` of a node do.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "messages/error.hpp"

namespace hillstar::tools {

/// As many files may be found, in all;
inline constexpr std::size_t kFoundFilesMax = 10'000;
/// as many names may be looked at for it;
inline constexpr std::size_t kSeenNamesMax = 1'000'000;
/// and as deep may they lie.
inline constexpr std::size_t kFolderDepthMax = 32;

/// The regular files beneath `workspace` (absolute) that fit one of the patterns: relative paths, sorted, each once.
///
/// A pattern counts from the workspace: `*.csv` are those in it, `data/` is all below that folder, `**/*.csv` are those
/// of any folder; for the rest see policy::fits_path. Symbolic links are neither followed nor found. Names that begin
/// with a dot are found only by a pattern with a part that begins with one.
/// Errors: tool_parameters for a pattern that leads out of the workspace or cannot be used, not_found for a path
/// without wildcards that is no file, blob_transfer beyond the limits above, and those of io_error.
Result<std::vector<std::string>> find_files(const std::string& workspace, const std::vector<std::string>& patterns);

/// Whether find_files could have found this path with one of the patterns: for paths that somebody else says.
bool names_file(const std::vector<std::string>& patterns, const std::string& path);

}  // namespace hillstar::tools
