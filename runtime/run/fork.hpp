// SPDX-License-Identifier: Apache-2.0
// What a new run takes over from an old one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "messages/events.hpp"
#include "runtime/run/state.hpp"

namespace hillstar::run {

/// Results of `parent` that a run of the same plan may keep: those of completed nodes, unless the node is `from`, or
/// depends on `from` or on a node that must run again because it has no result. Without `from`: everything that
/// can be kept, so that a failed run goes on where it failed. In plan order.
std::vector<NodeInherited> inherit(const RunState& parent, const RunId& parent_id, std::optional<NodeIndex> from);

/// The run's own state as those nodes left it whose results are kept: what nodes that run again had changed is as if
/// they had not. `history`: up to the point of the fork.
std::vector<StateCell> inherit_cells(const std::vector<Recorded>& history, const std::vector<NodeInherited>& kept);

}  // namespace hillstar::run
