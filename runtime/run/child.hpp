// SPDX-License-Identifier: Apache-2.0
// A node that runs another workflow: which run an attempt of it is, and what its end means here. Pure.
//
// An attempt is a run with an id that follows from the run above, the node, the item and how many attempts of it have
// failed. So an attempt that is made again, after a crash or a pause, finds the run that it had.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/commands.hpp"
#include "messages/events.hpp"
#include "runtime/run/state.hpp"
#include "runtime/run/view.hpp"

namespace hillstar::run {

/// Runs inside one another, the outermost not counted.
inline constexpr std::uint32_t kChildDepthMax = 8;

/// The workflow that the node runs; null if the plan has none such.
const workflow::ChildWorkflow* child_of(const workflow::Plan& plan, const workflow::PlanNode& node);
/// `review#1`, `review[3]#2`: the name of a run among those that are parts of one run. `failed`: attempts that did.
std::string child_name(const NodeId& node, std::optional<std::uint32_t> item, std::uint32_t failed);

/// A run that an attempt in flight waits for, or that one which is to be made again has.
struct ChildRef {
  UnitRef unit;
  std::string name;  ///< As child_name.
};
/// Those of a run that has not ended.
std::vector<ChildRef> open_children(const RunState& state);

/// What a run that has ended tells the attempt that waits for it, beside its usage: `{"run","status","workflow"}`, and
/// `unsettled_micros` if it may have cost more than was told.
Json child_detail(const Summary& row);
/// `unsettled_micros` of such a detail.
MicroUsd unsettled_of(const std::optional<Json>& detail);
/// `{"output","outputs","run","status"}`, of a run that did not complete `error` besides. `outputs` has the results of
/// its last nodes by their ids, `output` their outputs: if there is one such node, just its.
Value child_result(const RunState& child, const RunId& run);
/// Why the attempt fails, in one sentence with the part's own reason inside; nothing if the part completed.
std::optional<Failure> failure_of(const RunState& child, const RunId& run);

/// Nodes whose results are what the run is for: those that nothing follows.
std::vector<NodeIndex> final_nodes(const RunState& state);

}  // namespace hillstar::run
