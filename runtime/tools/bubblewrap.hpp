// SPDX-License-Identifier: Apache-2.0
// The command line of bubblewrap (bwrap 0.8 and later) around a script. Pure.
#pragma once

#include <string>
#include <vector>

#include "runtime/platform/sandbox_folders.hpp"

namespace hillstar::tools {

struct BubblewrapView {
  std::string program;     ///< Path of bwrap.
  SandboxFolders folders;  ///< What the standard profile would open. Hidden ones are shown empty.
  std::string cwd;
  bool no_network = false;
  bool has_filter = false;  ///< As descriptor Confinement::kHandedOn.
  bool is_root = false;
};

/// `command` in a view of the machine that can be read only but for `files.write`, with /tmp, /proc, /dev and /run of
/// its own.
std::vector<std::string> bubblewrap_command(const BubblewrapView& view, const std::vector<std::string>& command);

}  // namespace hillstar::tools
