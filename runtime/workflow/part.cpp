// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/part.hpp"

#include <algorithm>
#include <functional>

namespace hillstar::workflow {
namespace {

/// Calls `change` with every node that a condition asks about. Conditions nest no deeper than the file they came from.
void each_node(Condition& condition, const std::function<void(NodeIndex&)>& change) {
  if (condition.status) change(condition.status->node);
  if (condition.test) change(condition.test->node);
  for (auto* parts : {&condition.all, &condition.any, &condition.none})
    for (auto& part : *parts) each_node(part, change);
}

void each_node(std::optional<Condition>& condition, const std::function<void(NodeIndex&)>& change) {
  if (condition) each_node(*condition, change);
}

}  // namespace

Plan part_before(const Plan& plan, NodeIndex node) {
  std::vector<bool> stays(plan.nodes.size(), false);
  stays[node] = true;
  // Backwards through an order in which predecessors come first.
  for (NodeIndex i = node + 1; i-- > 0;) {
    if (!stays[i]) continue;
    for (const auto before : plan.nodes[i].predecessors) stays[before] = true;
  }
  std::vector<NodeIndex> place(plan.nodes.size(), 0);
  Plan part = plan;
  part.nodes.clear();
  part.loops.clear();
  for (NodeIndex i = 0; i <= node; ++i) {
    if (!stays[i]) continue;
    place[i] = static_cast<NodeIndex>(part.nodes.size());
    part.nodes.push_back(plan.nodes[i]);
  }
  const auto move = [&](NodeIndex& index) { index = place[index]; };
  for (auto& kept : part.nodes) {
    kept.checkpoint = false;
    for (auto& before : kept.predecessors) move(before);
    std::erase_if(kept.successors, [&](NodeIndex next) { return !stays[next]; });
    for (auto& next : kept.successors) move(next);
    each_node(kept.when, move);
    each_node(kept.skip_if, move);
    if (kept.stands_for) move(*kept.stands_for);
  }
  return part;
}

std::vector<NodeIndex> needed_by(const Plan& plan, NodeIndex node) {
  auto one = plan.nodes[node];
  std::vector<NodeIndex> needed;
  for (NodeIndex i = 0; i < node; ++i)
    if (std::find(one.sources.begin(), one.sources.end(), plan.nodes[i].id.str()) != one.sources.end())
      needed.push_back(i);
  const auto add = [&](const NodeIndex& index) { needed.push_back(index); };
  each_node(one.when, add);
  each_node(one.skip_if, add);
  std::sort(needed.begin(), needed.end());
  needed.erase(std::unique(needed.begin(), needed.end()), needed.end());
  return needed;
}

}  // namespace hillstar::workflow
