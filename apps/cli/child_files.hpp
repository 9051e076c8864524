// SPDX-License-Identifier: Apache-2.0
// The files of the workflows that a workflow runs: read, checked like it, and put into its plan.
#pragma once

#include <string>

#include "apps/cli/workflow_file.hpp"

namespace hillstar::cli {

/// Adds what is wrong with them to the diagnostics; the plan has its children then.
void load_children(LoadedWorkflow& loaded, const std::string& workspace, const WorkflowChecks& checks);

}  // namespace hillstar::cli
