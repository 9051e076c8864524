// SPDX-License-Identifier: Apache-2.0
// Asks the git program about a folder. Changes nothing in it, and waits a bounded time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "messages/error.hpp"
#include "messages/units.hpp"

namespace hillstar {

/// One question may take so long: a repository on a slow disk, not one that hangs.
inline constexpr Millis kGitQueryTime{20'000};

struct GitAnswer {
  int code = 0;
  std::string out;
  std::string err;  ///< At most kGitErrorBytesMax of it, without the last line feed.
};
inline constexpr std::size_t kGitErrorBytesMax = 4'096;

/// Runs `git <arguments>` in `folder`. Its messages are in English, and it asks nobody for a password.
/// Errors: not_found (no git in PATH, no such folder), io (it did not end by itself).
Result<GitAnswer> ask_git(const std::string& folder, const std::vector<std::string>& arguments,
                          const std::vector<std::string>& environment);

/// Where a folder's repository stands.
struct GitPlace {
  std::string folder;  ///< The git folder of this work tree, absolute: each work tree has its own.
  std::string head;    ///< The commit; empty before the first one.

  bool operator==(const GitPlace&) const = default;
};

/// Nothing if `folder` is in no repository. Errors: those of ask_git, and what git says is wrong with the repository.
Result<std::optional<GitPlace>> git_place(const std::string& folder, const std::vector<std::string>& environment);

/// `environment` without the variables by which git tells a hook which repository is meant: the folder decides.
std::vector<std::string> without_git_variables(std::vector<std::string> environment);

}  // namespace hillstar
