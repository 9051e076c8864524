// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/fork.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "runtime/run/run.hpp"

namespace hillstar::run {

std::vector<NodeInherited> inherit(const RunState& parent, const RunId& parent_id, std::optional<NodeIndex> from) {
  const auto& nodes = parent.plan->nodes;
  std::vector<bool> runs_again(nodes.size());
  std::vector<NodeInherited> kept;
  // Plan order is topological: predecessors are judged before their successors.
  for (NodeIndex i = 0; i < nodes.size(); ++i) {
    const auto status = parent.nodes[i].status;
    // A skipped node has nothing to keep; its condition is asked again, of the same results.
    const bool has_end = status == NodeStatus::completed || status == NodeStatus::skipped;
    const auto& before = nodes[i].predecessors;
    runs_again[i] =
        from == i || !has_end || std::any_of(before.begin(), before.end(), [&](NodeIndex p) { return runs_again[p]; });
    if (!runs_again[i] && status == NodeStatus::completed)
      kept.push_back(
          {nodes[i].id, result_of(parent, i), parent.nodes[i].tests, Origin{parent_id, parent.version}, false});
  }
  return kept;
}

std::vector<StateCell> inherit_cells(const std::vector<Recorded>& history, const std::vector<NodeInherited>& kept) {
  std::set<std::string> names;
  for (const auto& one : kept) names.insert(one.node.str());
  std::map<std::string, StateCell> cells;
  for (const auto& recorded : history) {
    const auto* change = std::get_if<StateChanged>(&recorded.event);
    if (change == nullptr || (change->node && !names.contains(change->node->str()))) continue;
    for (const auto& cell : change->cells) cells.insert_or_assign(cell.key, cell);
  }
  std::vector<StateCell> taken;
  taken.reserve(cells.size());
  for (auto& [key, cell] : cells) taken.push_back(std::move(cell));
  return taken;
}

}  // namespace hillstar::run
