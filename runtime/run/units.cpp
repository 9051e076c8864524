// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/units.hpp"

#include <boost/json.hpp>

#include "messages/json_codec.hpp"
#include "runtime/policy/data_guard.hpp"

namespace hillstar::run {
namespace {

/// A checkpoint asks its own `parameters.prompt`.
std::string prompt_of(const workflow::PlanNode& node) {
  if (node.tool == "checkpoint") {
    const auto parameters = node.parameters.value();
    const auto* prompt = json::member(parameters, "prompt");
    if (prompt != nullptr && prompt->is_string()) return std::string(prompt->get_string());
  }
  return "May node '" + node.id.str() + "' (" + node.tool + ") run?";
}

/// What the node must not get unless people let it; a node that nobody is asked about is refused instead.
const Release* release_of(const RunState& state, NodeIndex node) {
  if (state.guard == nullptr || !state.plan->nodes[node].asks_release) return nullptr;
  return state.guard->first_leak(node);
}

}  // namespace

bool may_go(const RunState& state, NodeIndex node, std::size_t candidate) {
  return state.guard == nullptr || state.nodes[node].approved || state.guard->leak(node, candidate) == nullptr;
}

std::optional<std::string> refusal(const RunState& state, NodeIndex i) {
  const auto& node = state.plan->nodes[i];
  if (node.permission == workflow::Permission::never)
    return "Node " + node.id.str() + " is blocked by permission policy: permissions." + node.id.str() +
           " of the workflow says never, which its author may change";
  // A run that would come to this does not start; one whose rules were made stricter since may.
  if (may_go(state, i, 0) || node.asks_release) return std::nullopt;
  return policy::describe(*state.guard->leak(i, 0)) + "; nobody may be asked about it";
}

bool asks_first(const RunState& state, NodeIndex node) {
  if (state.nodes[node].approved) return false;
  return state.plan->nodes[node].permission == workflow::Permission::ask || release_of(state, node) != nullptr;
}

ApprovalRequested approval_request(const RunState& state, NodeIndex i) {
  const auto& node = state.plan->nodes[i];
  ApprovalRequested request{node.id, prompt_of(node), node.approvals};
  const auto* release = release_of(state, i);
  if (release == nullptr) return request;
  request.release = *release;
  request.prompt += " It asks for a release: " + policy::describe(*release) + ".";
  request.approvers = state.guard->approvers();
  const auto needed = std::max(node.approvals.value_or(1), state.guard->approvals());
  request.approvals = needed > 1 ? std::optional(needed) : std::nullopt;
  return request;
}

Json error_result(const Failure& failure) {
  std::string text = R"({"error":)";
  json::append_string(text, failure.message);
  return Json::from_canonical(text + R"(,"output":null})");
}

}  // namespace hillstar::run
