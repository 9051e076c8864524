// SPDX-License-Identifier: Apache-2.0
// What a workflow may cost before it runs: a floor and a ceiling for each node. Pure.
//
// Low: each node that must run, once, with the text that is known, at four bytes a token, and no reply.
// High: every attempt of every retry and loop, every item of a map whose list is known, each with a prompt as long as
// it can be and a reply of `max_tokens`. A reference to a model's output counts that model's `max_tokens`; other text
// that is not known fills the context.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/policy/model_choice.hpp"

namespace hillstar::policy {

inline constexpr std::uint64_t kBytesPerToken = 4;

/// How often a node is made: attempts of its retries, for each item of a map. Attempts of loops are nodes themselves.
struct Occasions {
  std::uint64_t low = 0;
  std::optional<std::uint64_t> high;  ///< Absent: for each item of a list that only the run knows.
};
/// `inputs` as for estimate().
Occasions occasions_of(const workflow::Plan& plan, NodeIndex node, const Json& inputs);

/// The most that can be said of larger amounts is the largest one.
MicroUsd times(MicroUsd amount, std::uint64_t count);
MicroUsd plus(MicroUsd one, MicroUsd other);

struct NodeEstimate {
  NodeIndex node = 0;
  std::uint64_t calls_low = 0;
  std::uint64_t calls_high = 1;  ///< Attempts times items.
  bool items_known = true;       ///< False: a map over a list that only the run knows; figures are for one item.
  std::uint64_t input_low = 0;   ///< Tokens of one call.
  std::optional<std::uint64_t> input_high;  ///< Absent: no bound is known.
  std::uint64_t output_high = 0;
  std::optional<MicroUsd> low;   ///< Of all calls; absent: no price is known.
  std::optional<MicroUsd> high;  ///< Absent: no price or no bound is known.
};

/// A model_call node and what it goes to first; a node that goes nowhere has none.
struct PlannedCall {
  NodeIndex node = 0;
  Backend backend;
};

/// `inputs` is the object of the run's inputs, with defaults filled in.
std::vector<NodeEstimate> estimate(const workflow::Plan& plan, const std::vector<PlannedCall>& calls,
                                   const Json& inputs);

}  // namespace hillstar::policy
