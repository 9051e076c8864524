// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/conditions.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "runtime/workflow/references.hpp"

namespace hillstar::run {
namespace {

bool holds(const RunState& state, const workflow::NodeTest& test) {
  const auto& verdicts = state.nodes[test.node].tests;
  return test.test < verdicts.size() && verdicts[test.test];
}

bool holds(const RunState& state, const workflow::StatusTest& test) {
  switch (test.status) {
    case workflow::NodeEnd::completed:
      return state.nodes[test.node].status == NodeStatus::completed;
    case workflow::NodeEnd::failed:
      return state.nodes[test.node].status == NodeStatus::failed;
    case workflow::NodeEnd::skipped:
      return state.nodes[test.node].status == NodeStatus::skipped;
  }
  return false;
}

bool holds(const RunState& state, const workflow::InputTest& test) {
  const auto inputs = state.started.inputs.value();
  const auto* value = inputs.is_object() ? inputs.get_object().if_contains(test.input) : nullptr;
  if (value == nullptr || value->is_null()) return workflow::passes(test.test, "");
  return value->is_string() ? workflow::passes(test.test, value->get_string())
                            : workflow::passes(test.test, json::canonical(*value));
}

}  // namespace

// Conditions nest only as deep as the author's JSON, which the parser bounds.
bool holds(const RunState& state, const workflow::Condition& condition) {
  const auto inner = [&](const workflow::Condition& c) { return holds(state, c); };
  if (condition.test) return holds(state, *condition.test);
  if (condition.status) return holds(state, *condition.status);
  if (condition.input) return holds(state, *condition.input);
  if (!condition.none.empty()) return std::none_of(condition.none.begin(), condition.none.end(), inner);
  if (!condition.any.empty()) return std::any_of(condition.any.begin(), condition.any.end(), inner);
  return std::all_of(condition.all.begin(), condition.all.end(), inner);
}

void judge_loop(RunState& state, NodeIndex judge) {
  const auto& plan = *state.plan;
  for (std::uint32_t l = 0; l < plan.loops.size(); ++l) {
    const auto& loop = plan.loops[l];
    const auto& judges = loop.judges;
    if (loop.id != plan.nodes[judge].loop->loop || std::find(judges.begin(), judges.end(), judge) == judges.end())
      continue;
    if (--state.open_judges[l] > 0) continue;
    const bool skipped = std::any_of(judges.begin(), judges.end(),
                                     [&](NodeIndex j) { return state.nodes[j].status == NodeStatus::skipped; });
    if (!skipped && !holds(state, loop.met)) state.unmet_loops.push_back(l);
  }
}

}  // namespace hillstar::run
