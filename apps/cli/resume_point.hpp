// SPDX-License-Identifier: Apache-2.0
// `run --resume-from X`: X is a checkpoint file, or a node of this workflow that a checkpoint was reached at.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/cli/commands.hpp"
#include "messages/events.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::cli {

struct ResumePoint {
  std::string name;              ///< For a person: the file, or the node and its run.
  std::optional<Origin> origin;  ///< If it comes from a run of the store.
  std::vector<NodeInherited> inherited;
  std::vector<StateCell> cells = {};  ///< Of a run of the store: its own state at that point.
};

/// A file wins over a node id; a run of the store wins over checkpoint files in `output_dir`.
/// Errors: not_found (`Checkpoint not found: X`), run_state (a checkpoint of another workflow), json_*.
Result<ResumePoint> find_resume_point(Context& context, const std::string& from, const workflow::Plan& plan,
                                      const std::string& output_dir);

}  // namespace hillstar::cli
