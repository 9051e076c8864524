// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/hillstar_documents.hpp"

#include <boost/json.hpp>
#include <utility>

#include "messages/json.hpp"
#include "runtime/run/hillstar_json.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/units.hpp"
#include "runtime/run/view.hpp"

namespace hillstar::run {
namespace {

const std::string kRule(80, '=');

/// Results that a resumed run may take over: a failed node's is none.
bool has_result(const HillstarHistory& history, NodeIndex index) {
  const auto& node = history.state.plan->nodes[index];
  switch (history.state.nodes[index].status) {
    case NodeStatus::completed:
      return true;
    case NodeStatus::skipped:
      return node.stands_for.has_value() && has_result(history, *node.stands_for);
    default:
      return false;
  }
}

boost::json::object state_trace(const HillstarHistory& history, NodeIndex index, const boost::json::value* result) {
  const auto& node = history.state.plan->nodes[index];
  boost::json::object entry;
  entry["node_id"] = node.id.str();
  entry["tool"] = node.tool;
  if (history.state.nodes[index].status == NodeStatus::skipped) {
    entry["status"] = "skipped";
    entry["reason"] = node.loop ? "loop exit condition already met" : "its condition does not hold";
    return entry;
  }
  entry["status"] = "success";
  auto& keys = entry["output_keys"].emplace_array();
  if (result != nullptr && result->is_object())
    for (const auto& member : result->get_object()) keys.emplace_back(member.key());
  return entry;
}

/// The node's result, with its blobs as far as they fit.
struct WholeResults {
  const ReadBlob& read_blob;
  std::uint64_t room;
  boost::json::object left_out;

  Result<boost::json::value> take(const std::string& node, const Value& value) {
    Value fitting{{}, value.json};
    for (const auto& blob : value.blobs) {
      if (blob.bytes <= room) {
        room -= blob.bytes;
        fitting.blobs.push_back(blob);
        continue;
      }
      auto& list = left_out[node];
      if (!list.is_array()) list.emplace_array();
      list.get_array().push_back({{"at", blob.at}, {"bytes", blob.bytes}, {"sha256", blob.sha256}});
    }
    return whole_value(fitting, read_blob);
  }
};

std::string_view end_name(const RunState& state) {
  switch (state.status) {
    case RunStatus::completed:
      return "success";
    case RunStatus::failed:
      return "failed";
    case RunStatus::cancelled:
      return "cancelled";
    default:
      return status_name(state);
  }
}

std::uint32_t executed(const HillstarHistory& history) { return history.completed + history.state.failed_nodes; }

void append_total(std::string& out, const HillstarHistory& history) {
  const auto took = seconds(history.at.micros - history.state.started_at.micros);
  out += " Total time: ";
  json::append_number(out, took);
  out += "s\n";
}

}  // namespace

Result<std::string> checkpoint_text(const HillstarHistory& history, const NodeId& node, const ReadBlob& read_blob,
                                    std::uint64_t blob_bytes_max) {
  const auto& state = history.state;
  WholeResults results{read_blob, blob_bytes_max, {}};
  boost::json::object outputs;
  for (NodeIndex i = 0; i < state.nodes.size(); ++i) {
    if (!has_result(history, i)) continue;
    const auto& id = state.plan->nodes[i].id.str();
    HILLSTAR_TRY(auto result, results.take(id, result_of(state, i)));
    outputs[id] = std::move(result);
  }
  boost::json::array trace;
  for (const auto i : history.ended)
    trace.push_back(state_trace(history, i, outputs.if_contains(state.plan->nodes[i].id.str())));
  boost::json::array order;
  for (const auto& planned : state.plan->nodes) order.emplace_back(planned.id.str());

  boost::json::object document;
  document["timestamp"] = iso_utc(history.at);
  document["node_id"] = node.str();
  document["run"] = history.run.str();
  document["seq"] = history.seq;
  document["chain"] = history.chain;
  auto& inner = document["state"].emplace_object();
  inner["workflow_id"] = state.started.workflow.str();
  inner["workflow_sha256"] = state.started.workflow_sha256;
  inner["node_outputs"] = std::move(outputs);
  inner["trace"] = std::move(trace);
  inner["execution_order"] = std::move(order);
  if (!results.left_out.empty()) inner["blobs"] = std::move(results.left_out);
  return indented_json(document);
}

std::string metadata_text(const HillstarHistory& history, const HillstarPlaces& places) {
  const auto& state = history.state;
  const auto step = step_of(state.started.workflow.str());
  boost::json::object document;
  document["workflow_id"] = state.started.workflow.str();
  document["run"] = history.run.str();
  document["seq"] = history.seq;
  document["chain"] = history.chain;
  document["workflow_file"] = state.started.workflow_file;
  document["step"] = step;
  document["step_number"] = step.empty() ? "00" : step;
  document["status"] = end_name(state);
  document["start_time"] = iso_utc(state.started_at);
  document["end_time"] = iso_utc(history.at);
  document["executed_at"] = iso_utc(history.at);
  document["pid"] = nullptr;
  document["total_nodes"] = state.plan->nodes.size();
  document["nodes_executed"] = executed(history);
  document["nodes_completed"] = history.completed;
  document["nodes_failed"] = state.failed_nodes;
  document["nodes_skipped"] = history.skipped;
  document["nodes_inherited"] = history.inherited;
  document["total_time_seconds"] = seconds(history.at.micros - state.started_at.micros);
  document["cumulative_cost_usd"] = seconds(state.usage.cost.count);
  if (state.failure)
    document["error"] = state.failure->message;
  else if (state.status == RunStatus::cancelled)
    document["error"] = state.reason.empty() ? "cancelled" : "cancelled: " + state.reason;
  else if (state.status == RunStatus::timed_out)
    document["error"] = state.reason;
  auto& times = document["node_times"].emplace_object();
  for (const auto& [node, micros] : history.node_times) times[state.plan->nodes[node].id.str()] = seconds(micros);
  document["log_file"] = places.audit_log;
  document["trace_file"] = places.audit_trace;
  return indented_json(document);
}

std::string marker_text(const HillstarHistory& history, const Json& git) {
  const auto& state = history.state;
  boost::json::object document;
  document["workflow_id"] = state.started.workflow.str();
  document["workflow_file"] = state.started.workflow_file;
  document["executed_at"] = iso_utc(history.at);
  document["summary"] = std::to_string(executed(history)) + " nodes executed";
  document["nodes_executed"] = executed(history);
  document["nodes_given"] = history.given;
  document["run"] = history.run.str();
  document["seq"] = history.seq;
  document["chain"] = history.chain;
  document["workspace"] = state.started.workspace;
  document["workflow_sha256"] = state.started.workflow_sha256;
  document["git"] = git.value();
  return indented_json(document);
}

std::string log_header(const HillstarHistory& history) {
  const auto& started = history.state.started;
  return "\n" + kRule + "\n[RUN] Executing: " + plain_line(started.workflow.str()) +
         "\n[DIR] Output: " + plain_line(started.output_dir) + "\n Run: " + history.run.str() +
         "\n Started: " + iso_utc(history.at) + "\n" + kRule + "\n\n";
}

std::string log_footer(const HillstarHistory& history, const HillstarPlaces& places) {
  const auto& state = history.state;
  const auto id = plain_line(state.started.workflow.str());
  std::string text = "\n" + kRule + "\n";
  if (state.status == RunStatus::completed) {
    text += " Workflow completed: " + id + "\n";
  } else {
    const auto error = state.failure ? state.failure->message : state.reason;
    text += (state.status == RunStatus::failed ? " Workflow failed: " : " Workflow cancelled: ") + id + "\n";
    if (!error.empty()) text += " Error: " + plain_line(error) + "\n";
  }
  text += " Nodes executed: " + std::to_string(executed(history)) + "/" + std::to_string(state.plan->nodes.size());
  text += "\n";
  if (state.failed_nodes > 0) text += " Nodes failed: " + std::to_string(state.failed_nodes) + "\n";
  append_total(text, history);
  text += " Trace file: " + places.trace + "\n Log file: " + places.log + "\n" + kRule + "\n";
  return text;
}

}  // namespace hillstar::run
