// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/multi_match.hpp"

#include <algorithm>

namespace hillstar::policy {

MultiMatch::MultiMatch(const std::vector<std::string>& patterns) {
  for (const auto& pattern : patterns) add(pattern);
  link();
}

MultiMatch::State MultiMatch::child(State state, unsigned char byte) const {
  if (state == 0) return roots_[byte];
  for (const auto& [key, next] : nodes_[state].children)
    if (key == byte) return next;
  return 0;
}

void MultiMatch::add(const std::string& pattern) {
  State state = 0;
  for (const char c : pattern) {
    const auto byte = static_cast<unsigned char>(c);
    State next = child(state, byte);
    if (next == 0) {
      next = static_cast<State>(nodes_.size());
      const auto depth = nodes_[state].depth + 1;
      if (state == 0)
        roots_[byte] = next;
      else
        nodes_[state].children.emplace_back(byte, next);
      nodes_.emplace_back().depth = depth;
    }
    state = next;
  }
  nodes_[state].matched = nodes_[state].depth;
}

void MultiMatch::link() {
  // Breadth first: a failure link leads to a shorter beginning, which is complete by then.
  std::vector<State> order;
  order.reserve(nodes_.size());
  for (const State state : roots_)
    if (state != 0) order.push_back(state);
  for (std::size_t i = 0; i < order.size(); ++i) {
    const State state = order[i];
    for (const auto& [byte, below] : nodes_[state].children) {
      nodes_[below].failure = next(nodes_[state].failure, byte);
      order.push_back(below);
    }
    nodes_[state].matched = std::max(nodes_[state].matched, nodes_[nodes_[state].failure].matched);
  }
}

MultiMatch::State MultiMatch::next(State state, unsigned char byte) const {
  while (true) {
    const State below = child(state, byte);
    if (below != 0 || state == 0) return below;
    state = nodes_[state].failure;
  }
}

}  // namespace hillstar::policy
