// SPDX-License-Identifier: Apache-2.0
// Bounded loops become forward nodes: attempt 1 is the authored body, attempts 2..N are copies that are skipped once
// the loop's condition is met. Source: Hillstar specification section 1.8; its defects in ordering are not followed.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/workflow/definition.hpp"
#include "runtime/workflow/references.hpp"

namespace hillstar::workflow {

struct UnrolledNode {
  AuthoredIndex authored = 0;
  std::uint32_t attempt = 1;
};

/// The graph with every attempt of every loop: authored nodes in their order, then copies, loop by loop.
class Unrolled {
 public:
  /// Nothing, with a diagnostic, if the result would exceed kNodesMax or kEdgesMax.
  static std::optional<Unrolled> of(const Definition& definition, Problems& problems);

  [[nodiscard]] const std::vector<UnrolledNode>& nodes() const { return nodes_; }
  [[nodiscard]] const std::vector<Edge>& edges() const { return edges_; }

  [[nodiscard]] std::uint32_t at(AuthoredIndex node, std::uint32_t attempt) const;
  [[nodiscard]] std::uint32_t last(AuthoredIndex node) const;
  /// Whom `self` means by `asked`: the same attempt inside the loop, the last one from outside.
  [[nodiscard]] std::uint32_t seen_by(const UnrolledNode& self, AuthoredIndex asked) const;
  /// `implement`, `implement@2`, ...
  [[nodiscard]] std::string id(std::uint32_t node) const;

  /// The template as this attempt must read it: references name the nodes of the unrolled graph. Adds those to
  /// `sources`.
  [[nodiscard]] Json rewrite(const boost::json::value& text, const UnrolledNode& self,
                             std::set<std::string>& sources) const;
  /// The condition with unrolled indices, as `self` means it.
  [[nodiscard]] Condition rewrite(const Condition& condition, const UnrolledNode& self) const;
  /// True once a loop needs no further attempt after `attempt`: its condition is met there, or that attempt was
  /// skipped because the condition had been met before.
  [[nodiscard]] Condition is_over(const LoopDefinition& loop, std::uint32_t attempt) const;

 private:
  explicit Unrolled(const Definition& definition) : definition_(&definition) {}
  void place_nodes();
  bool add_edges(Problems& problems);
  void add_attempts(std::uint32_t loop, const std::vector<Edge>& inner, const std::vector<Edge>& previous);
  [[nodiscard]] std::vector<AuthoredIndex> roots(const LoopDefinition& loop, const std::vector<Edge>& inner) const;
  [[nodiscard]] std::vector<AuthoredIndex> unjudged(const LoopDefinition& loop, const std::vector<Edge>& inner) const;
  [[nodiscard]] std::vector<std::vector<Edge>> previous_references() const;
  [[nodiscard]] std::optional<std::string> rewritten(std::string_view text, const Reference& reference,
                                                     const UnrolledNode& self, std::set<std::string>& sources) const;

  const Definition* definition_;
  std::vector<UnrolledNode> nodes_;
  std::vector<Edge> edges_;
  std::vector<std::uint32_t> first_copy_;     ///< Loop -> index of its first copy.
  std::vector<std::uint32_t> place_in_body_;  ///< Authored node -> its place in its loop's body.
};

}  // namespace hillstar::workflow
