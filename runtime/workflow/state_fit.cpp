// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/state_fit.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "messages/json_codec.hpp"
#include "runtime/state/request.hpp"

namespace hillstar::workflow {
namespace {

namespace bj = boost::json;

/// As the author calls it: attempts of loops after the first have a number behind it.
std::string authored_id(const PlanNode& node) {
  const auto& id = node.id.str();
  return node.loop && node.loop->attempt > 1 ? id.substr(0, id.rfind('@')) : id;
}

bool has(const bj::value& object, const char* name) { return object.is_object() && object.get_object().contains(name); }

/// It puts or removes something and surely names no version.
bool names_no_version(StateOp op, const bj::value& members, const bj::value& more) {
  if (op == StateOp::put || op == StateOp::remove)
    return !has(members, "expected_version") && !has(more, "expected_version");
  const auto* list = op == StateOp::batch ? json::member(members, "operations") : nullptr;
  if (list == nullptr || !list->is_array()) return false;
  return std::any_of(list->get_array().begin(), list->get_array().end(), [](const bj::value& one) {
    return names_no_version(state::op_of(one), one, {}) && has(one, "op");
  });
}

}  // namespace

std::optional<StateMisfit> state_misfit(const PlanNode& node, const Json& input, const StateView& view) {
  if (node.tool != "state") return std::nullopt;
  const auto parameters = node.parameters.value();
  const auto scope = state::scope_of(parameters);
  if (scope == StateScope::run) return std::nullopt;
  const auto pointer = "/graph/nodes/" + json::pointer_token(authored_id(node)) + "/parameters";
  const auto who = "node '" + authored_id(node) + "' ";
  if (view.isolation == Isolation::isolated)
    return StateMisfit{pointer + "/scope",
                       who + "uses the state of the " + std::string(json::enum_name(scope)) +
                           ", and an isolated run sees only its own",
                       "let the runs be 'shared' or 'synchronized' ('isolation' of the entry point, run --isolation)"};
  if (scope == StateScope::stream && !view.has_stream)
    return StateMisfit{pointer + "/scope", who + "uses the state of its stream, and the run belongs to none",
                       "start it through an entry point, or name the stream: run --state-of STREAM"};
  const auto op = state::op_of(parameters);
  if (view.isolation == Isolation::synchronized && names_no_version(op, parameters, input.value()))
    return StateMisfit{pointer + "/op",
                       who + "writes without the version that it replaces, and the runs are synchronized",
                       "name it ('expected_version'), or use 'add'"};
  return std::nullopt;
}

std::optional<StateMisfit> first_misfit(const Plan& plan, const StateView& view) {
  for (const auto& node : plan.nodes)
    if (auto misfit = state_misfit(node, node.input, view)) return misfit;
  return std::nullopt;
}

Result<void> check_state(const Plan& plan, const StateView& view) {
  if (const auto misfit = first_misfit(plan, view))
    return Error{Errc::workflow_invalid, misfit->message + ".", misfit->pointer, misfit->hint + "."};
  // Runs inside see what the run sees that they are a part of.
  for (const auto& child : plan.children) {
    HILLSTAR_TRY(const auto inner, plan_from_text(child.plan));
    if (const auto misfit = first_misfit(inner, view))
      return Error{Errc::workflow_invalid, misfit->message + " (in " + child.file + ").", misfit->pointer,
                   misfit->hint + "."};
  }
  return {};
}

}  // namespace hillstar::workflow
