// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/hillstar_explain.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <string>

#include "runtime/run/hillstar_json.hpp"

namespace hillstar::run {
namespace {

namespace bj = boost::json;

/// The configuration, if it asks for this; null if not.
bj::value asked(const RunState& state, std::string_view what) {
  const auto& text = state.plan->model_config.text();
  if (text.find(what) == std::string::npos) return {};
  auto config = state.plan->model_config.value();
  const auto* explain = json::member(config, "explainability");
  const auto* wanted = explain == nullptr ? nullptr : json::member(*explain, what);
  return wanted != nullptr && wanted->is_bool() && wanted->get_bool() ? config : bj::value();
}

double usd(MicroUsd money) { return seconds(money.count); }

MicroUsd spent_by(const NodeState& node) {
  MicroUsd spent = node.call ? node.call->spent : MicroUsd{};
  if (node.map)
    for (const auto& unit : node.map->units)
      if (unit.call) spent += unit.call->spent;
  return spent;
}

}  // namespace

void explain_selection(const RunState& state, NodeIndex i, bj::object& out) {
  const auto& node = state.plan->nodes[i];
  if (node.tool != "model_call") return;
  const auto config = asked(state, "log_selection_reasoning");
  if (config.is_null()) return;
  const auto* mode = json::member(config, "mode");
  out["selection_mode"] = mode != nullptr && mode->is_string() ? *mode : bj::value("explicit");
  out["complexity_hint"] = node.complexity ? bj::value(*node.complexity) : bj::value(nullptr);
  out["has_explicit_provider"] = !node.provider.empty();
  out["has_explicit_model"] = !node.model.empty();
}

void explain_costs(const RunState& state, bj::object& out) {
  if (asked(state, "log_cost_estimates").is_null()) return;
  bj::object costs;
  for (NodeIndex i = 0; i < state.nodes.size(); ++i)
    if (state.plan->nodes[i].tool == "model_call" && (state.nodes[i].call || state.nodes[i].map))
      costs[state.plan->nodes[i].id.str()] = usd(spent_by(state.nodes[i]));
  bj::object summary{{"cumulative_cost_usd", usd(state.usage.cost)}, {"node_costs", std::move(costs)}};
  const auto limit = state.budget                                    ? state.budget
                     : state.plan->budget && state.plan->budget->run ? state.plan->budget->run
                                                                     : std::nullopt;
  if (limit) {
    const auto left = std::max<std::int64_t>(0, limit->count - state.spent.count);
    summary["max_workflow_usd"] = usd(*limit);
    summary["remaining_budget_usd"] = usd(MicroUsd{left});
    summary["utilization_percent"] =
        limit->count > 0 ? 100.0 * static_cast<double>(state.spent.count) / static_cast<double>(limit->count) : 0.0;
  }
  out["budget_summary"] = std::move(summary);
}

}  // namespace hillstar::run
