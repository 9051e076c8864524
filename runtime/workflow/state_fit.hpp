// SPDX-License-Identifier: Apache-2.0
// Does the shared state that the nodes of a workflow use fit what a run is let see? Asked of every entry point when the
// file is read, and of every run when it is started.
#pragma once

#include <optional>
#include <string>

#include "runtime/workflow/plan.hpp"

namespace hillstar::workflow {

struct StateView {
  Isolation isolation = Isolation::isolated;
  bool has_stream = false;

  bool operator==(const StateView&) const = default;
};

struct StateMisfit {
  std::string pointer;  ///< Of the parameter, in the workflow file.
  std::string message;
  std::string hint;
};

/// Nothing: the node fits, or uses none. `input`: its template.
std::optional<StateMisfit> state_misfit(const PlanNode& node, const Json& input, const StateView& view);
/// The first node of a plan, as written, that does not fit.
std::optional<StateMisfit> first_misfit(const Plan& plan, const StateView& view);
/// The first node that does not fit, also of the workflows that it runs, as workflow_invalid.
Result<void> check_state(const Plan& plan, const StateView& view);

}  // namespace hillstar::workflow
