// SPDX-License-Identifier: Apache-2.0
// backup, restore: a copy of the whole store, and the way back.
#pragma once

#include <string>

#include "apps/cli/commands.hpp"

namespace hillstar::cli {

class Commands;

struct BackupArgs {
  std::string folder;
  bool verify = false;  ///< Check the backup that is there instead.
};

Result<Exit> back_up(Context& context, const BackupArgs& args);
Result<Exit> restore_store(Context& context, const BackupArgs& args);

void add_backup_commands(Commands& commands);

}  // namespace hillstar::cli
