// SPDX-License-Identifier: Apache-2.0
// `run --resume-from X`: X is a checkpoint file, or a node of this workflow that a checkpoint was reached at.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/cli/commands.hpp"
#include "messages/events.hpp"
#include "persistence/event_store.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::cli {

struct ResumePoint {
  std::string name;              ///< For a person: the file, or the node and its run.
  std::optional<Origin> origin;  ///< If it comes from a run of the store.
  std::vector<NodeInherited> inherited;
  std::vector<StateCell> cells = {};  ///< Of a run of the store: its own state at that point.
  std::optional<Json> source = {};    ///< TakenThere::resume_from.
};

/// A file wins over a node id; a run of the store wins over checkpoint files in `output_dir`.
/// Errors: not_found (`Checkpoint not found: X`), run_state (a checkpoint of another workflow), json_*.
Result<ResumePoint> find_resume_point(Context& context, const std::string& from, const workflow::Plan& plan,
                                      const std::string& output_dir);

/// The newest run of the workflow with a checkpoint at `node`; nothing if there is none.
Result<std::optional<ResumePoint>> find_stored_point(const persistence::EventStore& store, const std::string& node,
                                                     const workflow::Plan& plan);
/// What a checkpoint file says; `file` is for errors.
Result<ResumePoint> resume_point_of(const std::string& text, const std::string& file, const workflow::Plan& plan);

}  // namespace hillstar::cli
