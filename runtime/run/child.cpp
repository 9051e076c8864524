// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/child.hpp"

#include <boost/json.hpp>
#include <utility>

#include "messages/json_codec.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/talk.hpp"
#include "runtime/run/units.hpp"

namespace hillstar::run {
namespace {

namespace bj = boost::json;

/// The attempt is under way, or another one goes on with its run.
bool has_open_child(const workflow::Plan& plan, NodeIndex i, const UnitState& unit) {
  return waits_for_run(plan, i, unit) || (unit.status == NodeStatus::ready && unit.attempt > unit.counted);
}

/// Puts `part` at `at` of a document that is being built; its blobs follow it.
void place(Value& whole, bj::value& where, const Value& part, const std::string& at) {
  where = part.json.value();
  for (auto blob : part.blobs) {
    blob.at = at + blob.at;
    whole.blobs.push_back(std::move(blob));
  }
}

/// What a result's `output` is, with what belongs there; the whole result if it has none.
Value output_of(const Value& result) {
  const auto tree = result.json.value();
  const auto* object = tree.if_object();
  const auto* output = object == nullptr ? nullptr : object->if_contains("output");
  if (output == nullptr) return result;
  Value out;
  out.json = Json::of(*output);
  constexpr std::string_view kAt = "/output";
  for (auto blob : result.blobs) {
    if (blob.at != kAt && !blob.at.starts_with(std::string(kAt) + "/")) continue;
    blob.at.erase(0, kAt.size());
    out.blobs.push_back(std::move(blob));
  }
  return out;
}

std::string sentence_of(const RunState& child) {
  switch (child.status) {
    case RunStatus::cancelled:
      return "was cancelled" + (child.reason.empty() ? "" : ": " + child.reason);
    case RunStatus::timed_out:
      return "timed out" + (child.reason.empty() ? "" : ": " + child.reason);
    default:
      break;
  }
  std::string text = "failed";
  if (child.first_failed) text += " at '" + child.plan->nodes[*child.first_failed].id.str() + "'";
  if (child.failure) text += " (" + std::string(json::enum_name(child.failure->kind)) + "): " + child.failure->message;
  return text;
}

}  // namespace

const workflow::ChildWorkflow* child_of(const workflow::Plan& plan, const workflow::PlanNode& node) {
  const auto parameters = node.parameters.value();
  const auto* file = json::member(parameters, "workflow");
  if (file == nullptr || !file->is_string()) return nullptr;
  for (const auto& child : plan.children)
    if (child.file == std::string_view(file->get_string())) return &child;
  return nullptr;
}

std::string child_name(const NodeId& node, std::optional<std::uint32_t> item, std::uint32_t failed) {
  return node.str() + (item ? "[" + std::to_string(*item) + "]" : "") + "#" + std::to_string(failed + 1);
}

std::vector<ChildRef> open_children(const RunState& state) {
  std::vector<ChildRef> open;
  const auto look = [&](const UnitRef& ref, const UnitState& unit) {
    if (has_open_child(*state.plan, ref.node, unit))
      open.push_back({ref, child_name(state.plan->nodes[ref.node].id, ref.item, unit.counted)});
  };
  for (NodeIndex i = 0; i < state.nodes.size(); ++i) {
    const auto& node = state.nodes[i];
    if (!runs_workflow(state.plan->nodes[i]) || has_ended(node.status)) continue;
    if (!state.plan->nodes[i].map) {
      look({i, std::nullopt}, node);
    } else if (node.map) {
      for (std::uint32_t item = 0; item < node.map->next; ++item) look({i, item}, node.map->units[item]);
    }
  }
  return open;
}

MicroUsd unsettled_of(const std::optional<Json>& detail) {
  if (!detail) return {};
  const auto tree = detail->value();
  const auto* micros = json::member(tree, "unsettled_micros");
  if (micros == nullptr || !micros->is_int64() || micros->get_int64() < 0) return {};
  return MicroUsd{micros->get_int64()};
}

Json child_detail(const Summary& row) {
  bj::object detail{{"run", row.run.str()}, {"status", row.status}, {"workflow", row.workflow.str()}};
  if (row.unsettled) detail["unsettled_micros"] = row.unsettled->count;
  return Json::of(detail);
}

std::optional<Failure> failure_of(const RunState& child, const RunId& run) {
  if (child.status == RunStatus::completed) return std::nullopt;
  auto kind = FailureClass::child_failed;
  if (child.status == RunStatus::timed_out) kind = FailureClass::timeout;
  // Whoever cancelled it does not want it to be tried again.
  if (child.status == RunStatus::cancelled) kind = FailureClass::rejected;
  return Failure{
      kind, "run " + run.str() + " of workflow '" + child.started.workflow.str() + "' " + sentence_of(child), {}};
}

Value child_result(const RunState& child, const RunId& run) {
  Value result;
  bj::object outputs;
  const auto nodes = final_nodes(child);
  bj::value output;
  if (nodes.size() != 1) output.emplace_object();
  for (const auto i : nodes) {
    const auto& id = child.plan->nodes[i].id.str();
    const auto part = result_of(child, i);
    const auto key = "/" + json::pointer_token(id);
    place(result, outputs[id], part, "/outputs" + key);
    if (nodes.size() == 1)
      place(result, output, output_of(part), "/output");
    else
      place(result, output.get_object()[id], output_of(part), "/output" + key);
  }
  bj::object document{{"output", std::move(output)}, {"outputs", std::move(outputs)}, {"run", run.str()}};
  document["status"] = std::string(status_name(child));
  if (const auto failure = failure_of(child, run)) document["error"] = failure->message;
  result.json = Json::of(document);
  return result;
}

std::vector<NodeIndex> final_nodes(const RunState& state) {
  std::vector<NodeIndex> found;
  for (NodeIndex i = 0; i < state.nodes.size(); ++i) {
    const auto status = state.nodes[i].status;
    const auto& node = state.plan->nodes[i];
    // A skipped attempt of a loop shows the result of the attempt that ended the loop.
    const bool has_result =
        status == NodeStatus::completed || (status == NodeStatus::skipped && node.stands_for.has_value());
    if (has_result && node.successors.empty()) found.push_back(i);
  }
  return found;
}

}  // namespace hillstar::run
