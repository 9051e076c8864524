// SPDX-License-Identifier: Apache-2.0
// What a new run takes over from an old one: the results of nodes that succeeded, never of nodes that failed. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/events.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::cli {

/// Results with a name: a checkpoint file as Hillstar writes it, or the state of a run at a checkpoint.
struct Checkpoint {
  std::string place;  ///< For errors: the file, or the run.
  std::string node;
  std::string workflow;
  std::vector<std::pair<std::string, Value>> results;
  std::vector<std::string> order;  ///< Node ids as they ran; may be empty.
  std::optional<Origin> origin;    ///< Of a run.
};

/// Errors: json_* and json_type name `file`.
Result<Checkpoint> read_checkpoint(const std::string& text, const std::string& file);

/// Results of the checkpoint's nodes that have no error. Refused (run_state) if the file is of another workflow, names
/// nodes that the plan lacks, or ran them in an order that the plan's edges forbid.
Result<std::vector<NodeInherited>> inherit(const Checkpoint& checkpoint, const workflow::Plan& plan,
                                           const ReadBlob& read);

/// `result` as what `node` is taken to have produced, its tests answered. Errors: those of `read`.
Result<NodeInherited> taken_over(const workflow::PlanNode& node, const Value& result,
                                 const std::optional<Origin>& origin, const ReadBlob& read);

/// Sets `node.path` (`review.output`, `fetch.body.items.0`) in an inherited result; `value` is taken as JSON if it is
/// JSON, else as text. Marks the result as edited and answers the node's tests again.
/// Errors: not_found if the node is not inherited or the path leads nowhere.
Result<void> edit(std::vector<NodeInherited>& inherited, const workflow::Plan& plan, std::string_view assignment,
                  const ReadBlob& read);

}  // namespace hillstar::cli
