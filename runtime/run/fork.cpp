// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/fork.hpp"

#include <algorithm>

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

}  // namespace hillstar::run
