// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/view.hpp"

#include "runtime/run/run.hpp"

namespace hillstar::run {

std::string_view status_name(const RunState& state) {
  switch (state.status) {
    case RunStatus::created:
      return "created";
    case RunStatus::queued:
      return "queued";
    case RunStatus::running:
      return waits_for_person(state) ? "waiting" : "running";
    case RunStatus::paused:
      return "paused";
    case RunStatus::cancelling:
      return "cancelling";
    case RunStatus::timing_out:
      return "timing_out";
    case RunStatus::failing:
      return "failing";
    case RunStatus::completed:
      return "completed";
    case RunStatus::failed:
      return "failed";
    case RunStatus::cancelled:
      return "cancelled";
    case RunStatus::timed_out:
      return "timed_out";
  }
  return "unknown";
}

std::string_view status_name(NodeStatus status) {
  switch (status) {
    case NodeStatus::waiting:
      return "waiting";
    case NodeStatus::ready:
      return "ready";
    case NodeStatus::held:
      return "held";
    case NodeStatus::running:
      return "running";
    case NodeStatus::expanding:
      return "expanding";
    case NodeStatus::mapping:
      return "mapping";
    case NodeStatus::retrying:
      return "retrying";
    case NodeStatus::lost:
      return "lost";
    case NodeStatus::asking:
      return "asking";
    case NodeStatus::listening:
      return "listening";
    case NodeStatus::failing:
      return "failing";
    case NodeStatus::completed:
      return "completed";
    case NodeStatus::failed:
      return "failed";
    case NodeStatus::skipped:
      return "skipped";
  }
  return "unknown";
}

std::string_view status_name(const RunState& state, const NodeState& node) {
  const bool has_end = node.status == NodeStatus::completed || node.status == NodeStatus::failed ||
                       node.status == NodeStatus::skipped || node.status == NodeStatus::lost;
  if (has_end || !is_terminal(state)) return status_name(node.status);
  return node.attempt == 0 && !node.map ? "not_run" : "stopped";
}

Summary summarize(const RunState& state, const RunId& run) {
  Summary row;
  row.run = run;
  row.workflow = state.started.workflow;
  row.workflow_file = state.started.workflow_file;
  row.status = status_name(state);
  row.version = state.version;
  row.started_at = state.started_at;
  row.updated_at = state.updated_at;
  row.nodes = static_cast<std::uint32_t>(state.nodes.size());
  row.nodes_done = row.nodes - state.open_nodes;
  row.nodes_failed = state.failed_nodes;
  row.nodes_running = state.running;
  row.tokens = state.usage.input_tokens + state.usage.output_tokens;
  row.cost = state.usage.cost;
  if (state.spent > state.usage.cost) row.unsettled = state.spent - state.usage.cost;
  row.reason = state.failure ? state.failure->message : state.reason;
  row.parent = state.started.parent;
  row.labels = state.started.labels;
  row.correlation = state.started.correlation;
  if (const auto& trigger = state.started.trigger) {
    row.stream = trigger->stream;
    row.key = trigger->key;
    if (trigger->kind == TriggerKind::workflow) row.above = trigger->cause;
  }
  if (const auto tokens = state.below.input_tokens + state.below.output_tokens; tokens > 0) row.below_tokens = tokens;
  if (state.below.cost.count > 0) row.below_cost = state.below.cost;
  if (state.status == RunStatus::queued) row.ticket = state.ticket;
  row.priority = state.started.priority;
  if (state.truncated > 0) row.truncated = state.truncated;
  row.due = next_deadline(state);
  if (!is_terminal(state) && !state.retries.empty() && (!row.due || state.retries.begin()->first < *row.due))
    row.due = state.retries.begin()->first;
  return row;
}

bool agrees(const Summary& stored, Summary folded) {
  if (!stored.truncated) folded.truncated.reset();
  if (!stored.due) folded.due.reset();
  return stored == folded;
}

bool is_terminal(const Summary& row) {
  return row.status == "completed" || row.status == "failed" || row.status == "cancelled" || row.status == "timed_out";
}

}  // namespace hillstar::run
