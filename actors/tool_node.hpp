// SPDX-License-Identifier: Apache-2.0
// Node bodies that run on this machine: tools, the list of a map, checkpoints. From attempt to outcome.
#pragma once

#include "actors/services.hpp"

namespace hillstar::actors {

/// Items of one map; more is a failure of the node.
inline constexpr std::uint32_t kMapItemsMax = 1'000'000;

/// Fills the template, runs the tool, asks the tests. May block if the tool does.
NodeOutcome run_attempt(const Attempt& attempt, const tools::ToolEntry& tool, const Services& services,
                        tools::CancelFlag& cancel);
/// A `checkpoint` node does nothing: its completion is the event.
NodeOutcome checkpoint(const Attempt& attempt, const Services& services);

/// run_attempt as a job; `node` gets its answer.
JobPtr tool_job(const Attempt& attempt, const tools::ToolEntry& tool, const ServicesPtr& services, NodeActor node);
/// Evaluates the list of a map.
JobPtr list_job(const Attempt& attempt, const ServicesPtr& services, NodeActor node);

/// The node's name as tools and followers see it: `id`, or `id[3]` for an item of a map.
std::string unit_name(const NodeId& node, std::optional<std::uint32_t> item);
std::string unit_name(const Attempt& attempt);
/// `run/node[item]/attempt`: names an attempt on all machines.
std::string attempt_key(const RunId& run, const NodeId& node, std::optional<std::uint32_t> item, std::uint32_t attempt);
/// W3C traceparent of the attempt's own span; empty: it is not traced.
std::string trace_of(const Attempt& attempt);
/// A success with the verdicts of the node's tests; large strings become blobs. Fails if a blob cannot be kept or read.
NodeOutcome succeed(const Attempt& attempt, Value result, const Services& services);

}  // namespace hillstar::actors
