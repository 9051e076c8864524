// SPDX-License-Identifier: Apache-2.0
// Reading and compiling a workflow file, and telling what is wrong with it.
#pragma once

#include <string>
#include <vector>

#include "apps/cli/output.hpp"
#include "runtime/policy/registry.hpp"
#include "runtime/workflow/compile.hpp"

namespace hillstar::cli {

struct LoadedWorkflow {
  std::string text;
  workflow::Compiled compiled;
};

/// What a workflow file is checked with, besides itself.
struct WorkflowChecks {
  bool strict = false;
  const policy::Registry& registry;
  const std::vector<std::string>& environment;  ///< `NAME=value`.
  bool air_gapped = false;
  std::string file =
      {};  ///< Absolute path of the text; files that it names start in its folder. Empty: in the workspace.
};
/// Compiles the file, checks its models against the registry, and all of it against the rules that hold in the current
/// folder. Errors: not_found, workflow_file (unreadable, a folder, too large), policy_invalid. What is wrong inside is
/// in the diagnostics.
Result<LoadedWorkflow> load_workflow(const std::string& file, const WorkflowChecks& checks);
/// The same for a text, against the rules that hold in `workspace`.
Result<LoadedWorkflow> check_workflow(std::string text, const std::string& workspace, const WorkflowChecks& checks);
/// The same without the workflows that it runs.
Result<LoadedWorkflow> check_one(std::string text, const std::string& workspace, const WorkflowChecks& checks);

/// One line each on stderr; with -o json and an error among them, also `{"valid":false,"diagnostics":[...]}` on
/// stdout. Returns false if one is an error.
bool show_diagnostics(Output& output, const std::vector<workflow::Diagnostic>& diagnostics, const std::string& file);

}  // namespace hillstar::cli
