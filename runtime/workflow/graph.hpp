// SPDX-License-Identifier: Apache-2.0
// Directed graphs on indices: neighbours, order, cycles. No recursion, time and memory linear in nodes and edges.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "runtime/workflow/definition.hpp"

namespace hillstar::workflow {

class Graph {
 public:
  /// Edges may repeat; their order is kept among the successors of a node and among its predecessors.
  Graph(std::size_t nodes, const std::vector<Edge>& edges);

  struct Range {
    const std::uint32_t* first;
    const std::uint32_t* last;
    [[nodiscard]] const std::uint32_t* begin() const { return first; }
    [[nodiscard]] const std::uint32_t* end() const { return last; }
    [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(last - first); }
  };
  [[nodiscard]] Range successors(std::uint32_t node) const { return range(out_starts_, outs_, node); }
  [[nodiscard]] Range predecessors(std::uint32_t node) const { return range(in_starts_, ins_, node); }
  [[nodiscard]] std::size_t size() const { return out_starts_.size() - 1; }

 private:
  static Range range(const std::vector<std::size_t>& starts, const std::vector<std::uint32_t>& all,
                     std::uint32_t node) {
    return {all.data() + starts[node], all.data() + starts[node + 1]};
  }
  std::vector<std::size_t> out_starts_, in_starts_;
  std::vector<std::uint32_t> outs_, ins_;
};

/// Kahn's algorithm with a FIFO queue, seeded in the order of the indices. Shorter than the graph if it has a cycle.
/// Source: A. B. Kahn, "Topological sorting of large networks", CACM 5 (1962).
std::vector<std::uint32_t> topological_order(const Graph& graph);

/// One cycle, as it is followed: `a, b` for a -> b -> a, lowest index first. Empty if `order` holds every node.
std::vector<std::uint32_t> find_cycle(const Graph& graph, const std::vector<std::uint32_t>& order);

}  // namespace hillstar::workflow
