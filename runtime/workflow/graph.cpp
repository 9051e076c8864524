// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/graph.hpp"

#include <algorithm>

namespace hillstar::workflow {
namespace {

/// Counting sort of the edges by one end.
void sort_edges(std::size_t nodes, const std::vector<Edge>& edges, std::uint32_t Edge::*key, std::uint32_t Edge::*other,
                std::pair<std::vector<std::size_t>&, std::vector<std::uint32_t>&> out) {
  auto& [starts, ends] = out;
  starts.assign(nodes + 1, 0);
  ends.resize(edges.size());
  for (const auto& edge : edges) ++starts[edge.*key + 1];
  for (std::size_t i = 1; i <= nodes; ++i) starts[i] += starts[i - 1];
  auto next = starts;
  for (const auto& edge : edges) ends[next[edge.*key]++] = edge.*other;
}

}  // namespace

Graph::Graph(std::size_t nodes, const std::vector<Edge>& edges) {
  sort_edges(nodes, edges, &Edge::from, &Edge::to, {out_starts_, outs_});
  sort_edges(nodes, edges, &Edge::to, &Edge::from, {in_starts_, ins_});
}

std::vector<std::uint32_t> topological_order(const Graph& graph) {
  std::vector<std::size_t> open(graph.size());
  std::vector<std::uint32_t> order;  // Also the queue: what stands behind `at` waits.
  order.reserve(graph.size());
  for (std::uint32_t node = 0; node < graph.size(); ++node) {
    open[node] = graph.predecessors(node).size();
    if (open[node] == 0) order.push_back(node);
  }
  for (std::size_t at = 0; at < order.size(); ++at)
    for (const auto next : graph.successors(order[at]))
      if (--open[next] == 0) order.push_back(next);
  return order;
}

std::vector<std::uint32_t> find_cycle(const Graph& graph, const std::vector<std::uint32_t>& order) {
  if (order.size() == graph.size()) return {};
  std::vector<bool> is_left(graph.size(), true);
  for (const auto node : order) is_left[node] = false;
  // Every node that is left has a predecessor that is left, so going back must come to a node twice.
  auto node = static_cast<std::uint32_t>(std::find(is_left.begin(), is_left.end(), true) - is_left.begin());
  std::vector<std::size_t> seen_at(graph.size(), 0);
  std::vector<std::uint32_t> path;
  while (seen_at[node] == 0) {
    path.push_back(node);
    seen_at[node] = path.size();
    for (const auto before : graph.predecessors(node)) {
      if (!is_left[before]) continue;
      node = before;
      break;
    }
  }
  std::vector<std::uint32_t> cycle(path.begin() + static_cast<std::ptrdiff_t>(seen_at[node] - 1), path.end());
  std::reverse(cycle.begin(), cycle.end());
  std::rotate(cycle.begin(), std::min_element(cycle.begin(), cycle.end()), cycle.end());
  return cycle;
}

}  // namespace hillstar::workflow
