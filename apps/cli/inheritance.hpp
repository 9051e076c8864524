// SPDX-License-Identifier: Apache-2.0
// What a new run takes over from an old one: the results of nodes that succeeded, never of nodes that failed. Pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "messages/events.hpp"
#include "runtime/run/state.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::cli {

/// The node and everything that depends on it.
std::set<NodeIndex> with_dependents(const workflow::Plan& plan, NodeIndex node);

/// Results of a run's completed nodes, in plan order. Left out: `again`, nodes that did not complete, and nodes that
/// depend on a node that runs again (they would rest on a result that is no more).
std::vector<NodeInherited> inherit(const run::RunState& state, const Origin& origin,
                                   const std::set<NodeIndex>& again);

/// A checkpoint file as Hillstar writes it.
struct CheckpointFile {
  std::string node;
  std::string workflow;
  std::vector<std::pair<std::string, Json>> results;   ///< In the order of the file.
  std::vector<std::string> order;
};

/// Errors: json_* and json_type name `file`.
Result<CheckpointFile> read_checkpoint(const std::string& text, const std::string& file);

/// Results of the checkpoint's nodes that have no error. Refused (run_state) if the file is of another workflow, names
/// nodes that the plan lacks, or ran them in an order that the plan's edges forbid.
Result<std::vector<NodeInherited>> inherit(const CheckpointFile& checkpoint, const workflow::Plan& plan,
                                           const std::string& file);

/// Sets `node.path` (`review.output`, `fetch.body.items.0`) in an inherited result; `value` is taken as JSON if it is
/// JSON, else as text. Marks the result as edited and answers the node's tests again.
/// Errors: not_found if the node is not inherited or the path leads nowhere.
Result<void> edit(std::vector<NodeInherited>& inherited, const workflow::Plan& plan, std::string_view assignment,
                  const ReadBlob& read);

}  // namespace hillstar::cli
