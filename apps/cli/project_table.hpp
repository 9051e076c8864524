// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apps/cli/command_table.hpp"

namespace hillstar::cli {

/// diagram, discover, presets, project-init, json-view, execute-node.
void add_project_commands(Commands& commands);

}  // namespace hillstar::cli
