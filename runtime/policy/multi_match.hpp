// SPDX-License-Identifier: Apache-2.0
// Finds many fixed byte strings in one pass over a text, also when the text comes in pieces. Pure.
//
// Source: A. Aho, M. Corasick, "Efficient string matching: an aid to bibliographic search", CACM 18(6), 1975.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace hillstar::policy {

/// An automaton over the patterns; memory in proportion to their bytes. Immutable, so threads may share it.
class MultiMatch {
 public:
  using State = std::uint32_t;  ///< 0: nothing of a pattern was seen.

  /// Empty patterns are ignored.
  explicit MultiMatch(const std::vector<std::string>& patterns);

  [[nodiscard]] bool empty() const { return nodes_.size() == 1; }
  /// True if a pattern starts with `byte`: others may be skipped in state 0.
  [[nodiscard]] bool starts(unsigned char byte) const { return roots_[byte] != 0; }
  [[nodiscard]] State next(State state, unsigned char byte) const;
  /// How many of the last bytes may be the beginning of a pattern.
  [[nodiscard]] std::size_t depth(State state) const { return nodes_[state].depth; }
  /// Length of the longest pattern that ends here; 0: none does.
  [[nodiscard]] std::size_t matched(State state) const { return nodes_[state].matched; }

 private:
  struct Node {
    std::uint32_t depth = 0;
    std::uint32_t matched = 0;
    State failure = 0;  // the longest suffix that is a beginning, too
    std::vector<std::pair<unsigned char, State>> children;
  };

  [[nodiscard]] State child(State state, unsigned char byte) const;  // 0: none
  void add(const std::string& pattern);
  void link();

  std::array<State, 256> roots_{};
  std::vector<Node> nodes_{1};
};

}  // namespace hillstar::policy
