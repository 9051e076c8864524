// SPDX-License-Identifier: Apache-2.0
// Projections of a run's state: one row for lists, and what `show` prints.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "messages/events.hpp"
#include "messages/ids.hpp"
#include "messages/units.hpp"
#include "runtime/run/state.hpp"

namespace hillstar::run {

/// One row of `ls`. Stored beside the events in the same write; always equal to the folded one.
struct Summary {
  RunId run;
  WorkflowId workflow;
  std::string workflow_file;
  std::string status;  ///< queued, running, waiting, paused, cancelling, timing_out, failing, completed, failed,
                       ///< cancelled, timed_out; of a stream's history: stream.
  std::uint64_t version = 0;
  UtcTime started_at;
  UtcTime updated_at;
  std::uint32_t nodes = 0;
  std::uint32_t nodes_done = 0;  ///< Ended: completed, failed or skipped.
  std::uint32_t nodes_failed = 0;
  std::uint32_t nodes_running = 0;
  std::uint64_t tokens = 0;
  MicroUsd cost;
  std::optional<MicroUsd> unsettled;  ///< What attempts may have cost besides, whose end nobody saw; absent: nothing.
  std::string reason;                 ///< Why it failed, was cancelled or is paused; one sentence.
  std::optional<Origin> parent;
  std::optional<std::string> stream = {};      ///< It was started through this one.
  std::optional<std::string> key = {};         ///< No other run of the stream has it.
  std::optional<std::uint64_t> ticket = {};    ///< Of a queued run.
  std::optional<std::uint32_t> priority = {};  ///< As in RunStarted.
  std::optional<std::string> correlation = {};
  std::map<std::string, std::string> labels = {};
  std::optional<UtcTime> due = {};  ///< Something happens by itself then, whether or not anybody looks at the run.
  /// Loops that used up their attempts unmet, and replies cut at a token limit that were taken; absent: none.
  std::optional<std::uint32_t> truncated = {};
  std::optional<Origin> above = {};                ///< The run, and its event, that this one is a part of.
  std::optional<std::uint64_t> below_tokens = {};  ///< Of the tokens: those of runs that are a part of this one,
  std::optional<MicroUsd> below_cost = {};         ///< and of the cost. Their own rows say it too.

  bool operator==(const Summary&) const = default;
};
BOOST_DESCRIBE_STRUCT(Summary, (),
                      (run, workflow, workflow_file, status, version, started_at, updated_at, nodes, nodes_done,
                       nodes_failed, nodes_running, tokens, cost, unsettled, reason, parent, stream, key, ticket,
                       priority, correlation, labels, due, truncated, above, below_tokens, below_cost))

/// True if the stored row is the folded one; a row of an older version may lack what it did not know.
bool agrees(const Summary& stored, Summary folded);
Summary summarize(const RunState& state, const RunId& run);
/// True if the run of this row has ended: completed, failed or cancelled.
bool is_terminal(const Summary& row);
/// Public name of a run's status; `waiting` if only a person can go on.
std::string_view status_name(const RunState& state);
std::string_view status_name(NodeStatus status);
/// Public name of a node's status within its run: once the run has ended, a node without an end is `not_run` if no
/// attempt of it was made, else `stopped`.
std::string_view status_name(const RunState& state, const NodeState& node);

}  // namespace hillstar::run
