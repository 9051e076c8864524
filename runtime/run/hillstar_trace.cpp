// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/hillstar_trace.hpp"

#include <boost/json.hpp>
#include <utility>

#include "messages/json_codec.hpp"
#include "runtime/policy/budget.hpp"
#include "runtime/run/hillstar_explain.hpp"
#include "runtime/run/hillstar_json.hpp"
#include "runtime/run/units.hpp"

namespace hillstar::run {
namespace {

double usd(MicroUsd money) { return seconds(money.count); }

boost::json::value text_or_null(const std::optional<std::string>& text) {
  return text ? boost::json::value(*text) : boost::json::value(nullptr);
}

}  // namespace

struct TraceEntry::Fields {
  boost::json::object details;
};

/// Fills an entry from one event.
struct TraceEntry::Writer {
  TraceEntry& entry;
  const HillstarHistory& history;
  const HillstarPlaces& places;
  const HashText& sha256_hex;
  boost::json::object& out;

  void set_node(const NodeId& id) { entry.node_ = index_of_node(history.state, id); }
  const workflow::PlanNode& plan_node() const { return history.state.plan->nodes[*entry.node_]; }
  void unit(const NodeId& id, std::optional<std::uint32_t> item, std::uint32_t attempt) {
    set_node(id);
    if (item) out["item"] = *item;
    out["attempt"] = attempt;
  }
  void duration() {
    if (history.took) out["duration_seconds"] = seconds(*history.took);
  }
  void machine(const std::optional<MadeBy>& who) {
    if (!who) return;
    out["worker"] = who->worker;
    if (who->job) out["job"] = *who->job;
  }
  void error(const Failure& failure) {
    entry.message_ = failure.message;
    out["error"] = failure.message;
    out["error_class"] = json::enum_name(failure.kind);
  }
  void money(const Usage& usage) {
    out["tokens_used"] = usage.input_tokens + usage.output_tokens;
    out["input_tokens"] = usage.input_tokens;
    out["output_tokens"] = usage.output_tokens;
    out["actual_cost_usd"] = usd(usage.cost);
    out["cumulative_cost_usd"] = usd(history.state.usage.cost);
  }
  /// Where the last attempt went; nullptr if its history does not say.
  const Reservation* call_of(std::optional<std::uint32_t> item) const {
    const auto* found = find_unit(history.state, *entry.node_, item);
    return found != nullptr && found->call ? &found->call->reserved : nullptr;
  }
  void backend(std::optional<std::uint32_t> item) {
    const auto& node = plan_node();
    out["tool"] = node.tool;
    if (node.tool != "model_call") return;
    const auto* call = call_of(item);
    out["provider"] = call != nullptr ? call->provider : node.provider;
    out["model"] = call != nullptr ? call->model : node.model;
    if (call != nullptr) out["estimated_cost_usd"] = usd(call->cost);
    explain_selection(history.state, *entry.node_, out);
  }
  void output(const Value& result) {
    const auto facts = output_facts(result, sha256_hex);
    out["output_hash"] = text_or_null(facts.sha256);
    out["output_bytes"] = facts.bytes;
    out["output_summary"] = text_or_null(facts.summary);
  }
  void run_end() {
    const auto& state = history.state;
    out["nodes_completed"] = history.completed;
    out["nodes_failed"] = state.failed_nodes;
    out["nodes_skipped"] = history.skipped;
    out["total_time_seconds"] = seconds(history.at.micros - state.started_at.micros);
    out["cumulative_cost_usd"] = usd(state.usage.cost);
    out["trace_file"] = places.trace;
    out["log_file"] = places.log;
    boost::json::object times;
    for (const auto& [node, micros] : history.node_times) times[state.plan->nodes[node].id.str()] = seconds(micros);
    out["node_times"] = std::move(times);
    explain_costs(state, out);
  }

  void operator()(const RunStarted& event) {
    entry.type_ = "workflow_start";
    entry.message_ = "Workflow execution started: " + event.workflow.str();
    out["total_nodes"] = history.state.plan->nodes.size();
    out["workflow_file"] = event.workflow_file;
    out["workflow_sha256"] = event.workflow_sha256;
    out["plan_sha256"] = event.plan_sha256;
    out["inputs"] = event.inputs.value();
    out["workspace"] = event.workspace;
    out["started_by"] = event.started_by;
    out["engine"] = event.engine;
    if (event.parent) out["parent"] = {{"run", event.parent->run.str()}, {"seq", event.parent->seq}};
  }
  void operator()(const RunPaused& event) {
    entry.type_ = "workflow_paused";
    entry.message_ = event.reason;
    if (event.node) set_node(*event.node);
    out["interrupted"] = event.interrupted;
  }
  void operator()(const RunResumed& event) {
    entry.type_ = "workflow_resumed";
    out["who"] = event.who;
  }
  void operator()(const CancelRequested& event) {
    entry.type_ = "cancel_requested";
    entry.message_ = event.reason;
    out["who"] = event.who;
  }
  void operator()(const RunCompleted&) {
    entry.type_ = "workflow_complete";
    run_end();
  }
  void operator()(const RunFailed& event) {
    entry.type_ = "workflow_error";
    error(event.failure);
    if (event.node) out["failed_node"] = event.node->str();
    run_end();
  }
  void operator()(const RunCancelled& event) {
    entry.type_ = "workflow_cancelled";
    entry.message_ = event.reason;
    out["error"] = event.reason;
    run_end();
  }
  void operator()(const RunQueued& event) {
    entry.type_ = "workflow_queued";
    out["ticket"] = event.ticket;
  }
  void operator()(const RunAdmitted&) { entry.type_ = "workflow_admitted"; }
  void operator()(const RunDeadlinePassed&) { entry.type_ = "deadline_passed"; }
  void operator()(const RunTimedOut& event) {
    entry.type_ = "workflow_timed_out";
    entry.message_ = event.reason;
    out["error"] = event.reason;
    run_end();
  }
  void operator()(const SignalReceived& event) {
    entry.type_ = "signal_received";
    out["signal"] = event.name;
    out["who"] = event.who;
  }
  void operator()(const InputRequested& event) {
    entry.type_ = "input_requested";
    entry.message_ = event.prompt;
    set_node(event.node);
    out["request"] = event.request;
  }
  void operator()(const InputProvided& event) {
    entry.type_ = "input_provided";
    out["request"] = event.request;
    out["who"] = event.who;
  }
  void operator()(const SignalAwaited& event) {
    entry.type_ = "signal_awaited";
    set_node(event.node);
    out["signal"] = event.name;
  }
  void operator()(const NodeDeadlinePassed& event) {
    entry.type_ = "node_deadline_passed";
    set_node(event.node);
  }
  void operator()(const NodeWaitsForPlace& event) {
    entry.type_ = "node_waits_for_place";
    entry.message_ = event.reason;
    set_node(event.node);
  }
  /// A stream's facts are in no run's trace.
  template <class Foreign>
  void operator()(const Foreign&) {}
  void operator()(const LoopExhausted& event) {
    entry.type_ = "loop_exhausted";
    entry.message_ = "loop '" + event.loop + "' used up its attempts";
    out["loop"] = event.loop;
    out["attempts"] = event.attempts;
  }
  void operator()(const NodeInherited& event) {
    entry.type_ = "node_inherited";
    set_node(event.node);
    output(event.result);
    if (event.origin) out["origin"] = {{"run", event.origin->run.str()}, {"seq", event.origin->seq}};
    out["edited"] = event.edited;
  }
  void operator()(const NodeScheduled& event) {
    entry.type_ = event.item ? "item_start" : "node_start";
    unit(event.node, event.item, event.attempt);
    if (const auto& loop = plan_node().loop; loop && !event.item)
      out["loop"] = {{"id", loop->loop}, {"attempt", loop->attempt}, {"of", loop->of}};
  }
  void operator()(const MapExpanded& event) {
    entry.type_ = "map_expanded";
    unit(event.node, std::nullopt, event.attempt);
    out["count"] = event.count;
  }
  void operator()(const NodeCompleted& event) {
    entry.type_ = event.item ? "item_success" : "node_success";
    unit(event.node, event.item, event.attempt);
    duration();
    output(event.result);
    machine(event.made_by);
    backend(event.item);
    if (event.usage) money(*event.usage);
    if (event.detail) {
      const auto detail = event.detail->value();
      const auto* sandbox = json::member(detail, "sandbox");
      out[sandbox != nullptr ? "sandbox" : "model_call"] = sandbox != nullptr ? *sandbox : detail;
    }
  }
  void operator()(const NodeAttemptFailed& event) {
    entry.type_ = event.retry_at ? "retry" : event.next_candidate ? "provider_fallback" : "attempt_failed";
    unit(event.node, event.item, event.attempt);
    if (event.next_candidate) {
      out["event"] = "provider_fallback";
      if (const auto* call = call_of(event.item)) {
        out["from_provider"] = call->provider;
        out["from_model"] = call->model;
      }
      out["to_provider"] = event.next_provider.value_or("");
      out["reason"] = event.failure.message;
    }
    if (event.repair) out["event"] = "repair";
    if (event.retry_at) {
      const auto& node = plan_node();
      out["event"] = "retry";
      backend(event.item);
      out["retry_attempt"] = event.attempt;
      out["max_retries"] = node.retry.attempts > 0 ? node.retry.attempts - 1 : 0;
      out["delay_seconds"] = seconds(event.retry_at->micros - history.at.micros);
    }
    duration();
    machine(event.made_by);
    error(event.failure);
    if (!event.result.json.is_null() || !event.result.blobs.empty()) output(event.result);
    if (event.usage) money(*event.usage);
  }
  void operator()(const NodeAttemptLost& event) {
    entry.type_ = "attempt_lost";
    entry.message_ = "nobody saw the end of this attempt";
    unit(event.node, event.item, event.attempt);
    machine(event.made_by);
    duration();
  }
  void operator()(const NodeCancelled& event) {
    entry.type_ = event.item ? "item_cancelled" : "node_cancelled";
    unit(event.node, event.item, event.attempt);
    machine(event.made_by);
    duration();
  }
  void operator()(const NodeFailed& event) {
    entry.type_ = event.item ? "item_failure" : "node_failure";
    set_node(event.node);
    if (event.item) out["item"] = *event.item;
    out["status"] = "error";
    duration();
    error(event.failure);
  }
  void operator()(const NodeSkipped& event) {
    entry.type_ = "node_skipped";
    set_node(event.node);
    out["status"] = "skipped";
    out["duration_seconds"] = 0;
    out["reason"] = json::enum_name(event.reason);
    entry.message_ = skip_sentence(event);
    if (event.because) out["because"] = event.because->str();
  }
  void operator()(const CheckpointReached& event) {
    entry.type_ = "checkpoint_reached";
    set_node(event.node);
  }
  void operator()(const ApprovalRequested& event) {
    entry.type_ = "approval_requested";
    set_node(event.node);
    entry.message_ = event.prompt;
    if (event.approvals) out["approvals"] = *event.approvals;
    if (event.release)
      out["release"] = {{"data", event.release->data},
                        {"clearance", event.release->clearance},
                        {"to", event.release->to},
                        {"path", boost::json::value_from(event.release->path)}};
  }
  void operator()(const ConnectionAttempted& event) {
    entry.type_ = "connection_attempted";
    unit(event.node, event.item, event.attempt);
    entry.message_ = event.endpoint + (event.allowed ? "" : " refused");
    out["endpoint"] = event.endpoint;
    out["allowed"] = event.allowed;
    if (event.address) out["address"] = *event.address;
    if (event.failure) out["error"] = *event.failure;
  }
  void operator()(const ApprovalAnswered& event) {
    entry.type_ = "approval_answered";
    set_node(event.node);
    entry.message_ = event.reason;
    out["approved"] = event.approved;
    out["who"] = event.who;
  }
  void operator()(const NodeResolved& event) {
    entry.type_ = "node_resolved";
    unit(event.node, event.item, event.attempt);
    entry.message_ = event.reason;
    out["settlement"] = json::enum_name(event.settlement);
    out["who"] = event.who;
  }
  void operator()(const BudgetExhausted& event) {
    entry.type_ = "budget_exceeded";
    set_node(event.node);
    entry.message_ = policy::describe(event);
    out["scope"] = json::enum_name(event.scope);
    out["limit_usd"] = usd(event.limit);
    out["estimated_cost"] = usd(event.needed);
    out["cumulative_cost"] = usd(event.spent);
  }
  void operator()(const NodeRetryDue& event) {
    entry.type_ = "retry_due";
    unit(event.node, event.item, event.attempt);
  }

  static std::string skip_sentence(const NodeSkipped& event) {
    switch (event.reason) {
      case SkipReason::loop_done:
        return "loop exit condition already met";
      case SkipReason::condition:
        return "its condition does not hold";
      case SkipReason::dependency:
        return "a node it depends on failed";
    }
    return {};
  }
};

TraceEntry::TraceEntry(const HillstarHistory& history, const Event& event, const HillstarPlaces& places,
                       const HashText& sha256_hex)
    : history_(history), fields_(std::make_unique<Fields>()) {
  std::visit(Writer{*this, history, places, sha256_hex, fields_->details}, event);
}

TraceEntry::~TraceEntry() = default;

std::string TraceEntry::trace_line() const {
  boost::json::object line;
  line["timestamp"] = iso_utc(history_.at);
  line["epoch_seconds"] = seconds(history_.at.micros);
  line["event_type"] = type_;
  line["pid"] = nullptr;  // a run outlives its processes, and its history names none
  line["workflow_id"] = history_.state.started.workflow.str();
  line["run"] = history_.run.str();
  line["seq"] = history_.seq;
  if (node_) {
    line["node_id"] = history_.state.plan->nodes[*node_].id.str();
    line["node_index"] = *node_;
  }
  if (!message_.empty()) line["message"] = message_;
  for (const auto& [key, value] : fields_->details) line.insert_or_assign(key, value);
  return spaced_json(line) + "\n";
}

std::string TraceEntry::log_line() const {
  auto line = "[" + iso_utc(history_.at) + "] ";
  for (const auto c : type_) line += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  if (node_) line += " " + history_.state.plan->nodes[*node_].id.str();
  if (!message_.empty()) line += ": " + message_;
  line = plain_line(std::move(line));
  if (!fields_->details.empty()) line += " | " + spaced_json(fields_->details);
  return line + "\n";
}

}  // namespace hillstar::run
