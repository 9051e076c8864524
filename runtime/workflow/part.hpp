// SPDX-License-Identifier: Apache-2.0
// A part of a plan: one node and what leads to it. Pure.
#pragma once

#include <vector>

#include "runtime/workflow/plan.hpp"

namespace hillstar::workflow {

/// The node, which is then the last, and all nodes before it, with their edges, conditions and classes of data. Loops
/// are no loops any more: what they decided is for the results of their nodes to say.
Plan part_before(const Plan& plan, NodeIndex node);

/// Nodes whose results the node cannot do without: those that its templates, its list and its conditions name.
/// Ascending.
std::vector<NodeIndex> needed_by(const Plan& plan, NodeIndex node);

}  // namespace hillstar::workflow
