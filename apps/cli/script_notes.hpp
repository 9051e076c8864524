// SPDX-License-Identifier: Apache-2.0
// What `plan` says of the sandbox of scripts.
#pragma once

#include <string>
#include <vector>

#include "runtime/workflow/plan.hpp"

namespace hillstar::cli {

struct ScriptNotes {
  std::vector<std::string> withheld;  ///< Variables that no script sees unless its node names them.
  std::vector<std::string> nodes;     ///< A line for each node whose sandbox is not the ordinary one.
};

/// Empty if the plan has no scripts.
ScriptNotes script_notes(const workflow::Plan& plan, const std::vector<std::string>& environment);

/// The same as lines for people.
std::vector<std::string> lines_of(const ScriptNotes& notes);

}  // namespace hillstar::cli
