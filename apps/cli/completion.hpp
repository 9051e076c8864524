// SPDX-License-Identifier: Apache-2.0
// Shell completion from the command table. Pure.
#pragma once

#include <string>
#include <vector>

namespace hillstar::cli {

struct OptionWords {
  std::string name;  ///< `--status`.
  std::string about;
  bool takes_value = false;
};
struct CommandWords {
  std::string name;
  std::string about;
  std::vector<OptionWords> options;
  std::vector<std::string> choices;  ///< What its positional argument may be, if that is a closed set.
  bool takes_file = false;           ///< Its first argument is a file.
};

/// `shell` is bash, zsh or fish; empty for any other.
std::string completion_script(const std::string& shell, const std::vector<CommandWords>& commands);

}  // namespace hillstar::cli
