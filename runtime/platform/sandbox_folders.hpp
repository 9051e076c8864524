// SPDX-License-Identifier: Apache-2.0
// Which folders a script gets, on the machine as it is: the work, the system, the software that the person installed;
// not the rest of their home.
#pragma once

#include <string>
#include <vector>

#include "runtime/platform/sandbox.hpp"

namespace hillstar {

/// What a folder list starts from. Paths are absolute, or start with `~/` for the person's home.
struct SandboxPlaces {
  std::vector<std::string> environment;  ///< `NAME=value` of the person: HOME, PATH and where software lies.
  std::string workspace;
  std::string store;               ///< Empty: HILLSTAR_STORE, else `.hillstar/store` of the workspace.
  std::string cwd;                 ///< Where the program starts; may be written to, unless it holds a home.
  std::string program;             ///< A path; empty: it is looked up in PATH.
  std::vector<std::string> read;   ///< Asked for by name.
  std::vector<std::string> write;  ///< Asked for by name.
};

/// Never more than this many names of one folder are looked at.
inline constexpr std::size_t kFolderNamesMax = 1'000;

struct SandboxFolders {
  SandboxFiles files;
  std::vector<std::string> hidden;  ///< Homes and the store, where they exist: closed but for what `files` opens.
  std::string store;  ///< One of `hidden`; it may lie in the workspace, which Landlock cannot take it out of.
};

/// Looks at the machine; never fails: what cannot be read is left out.
///
/// Readable is all but homes (/home, /root, HOME and its neighbours), the store and devices; of HOME what is named or
/// is software (folders of PATH and of variables such as PYTHONPATH, and well-known ones). Writable are the workspace,
/// the named folders and those for temporary files.
SandboxFolders sandbox_folders(const SandboxPlaces& places);

}  // namespace hillstar
