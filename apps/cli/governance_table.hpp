// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apps/cli/command_table.hpp"

namespace hillstar::cli {

/// enforce, mode, agent-scan.
void add_governance(Commands& commands);

}  // namespace hillstar::cli
