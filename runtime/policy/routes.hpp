// SPDX-License-Identifier: Apache-2.0
// Where the model calls of a run may go, and at what prices: found out once, when the run starts, and stored with it.
// What is reserved for a call, and where it goes when the first place fails, then follows from the run's history alone.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"
#include "messages/inputs.hpp"
#include "runtime/policy/model_choice.hpp"
#include "runtime/policy/pricing.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::policy {

/// One place that a node's calls may go to. Its key, and the rest of it, are found again when it is called.
struct Route {
  std::string provider;  ///< For find_backend,
  std::string model;     ///< both.
  std::string backend;   ///< Key of its pool.
  std::string reason;    ///< Why this one, in words for the author.
  std::optional<ModelPrices> prices;
  std::optional<std::uint64_t> context_tokens;
  bool near = false;  ///< Neither the address nor the model leaves this machine or its network.

  bool operator==(const Route&) const = default;
};
BOOST_DESCRIBE_STRUCT(Route, (), (provider, model, backend, reason, prices, context_tokens, near))

/// Nodes that ask alike share a list.
struct Routes {
  std::vector<std::vector<Route>> lists;  ///< Best first, never empty.
  std::vector<std::uint32_t> of_nodes;    ///< By node: place in `lists` + 1; 0: it calls no model, or none is known.

  /// Empty: none are known.
  [[nodiscard]] const std::vector<Route>& of(NodeIndex node) const;
  [[nodiscard]] bool empty() const { return lists.empty(); }

  bool operator==(const Routes&) const = default;
};
BOOST_DESCRIBE_STRUCT(Routes, (), (lists, of_nodes))

struct Reach;  // runtime/policy/air_gap.hpp

/// The routes of all model_call nodes. With `reach`, only what an air-gapped run may reach. What is only missing here
/// and now, such as a key, is not left out if nothing else is there: it may be given later, and what it would cost is
/// known.
Routes routes_of(const workflow::Plan& plan, const Registry& registry, const LookUp& environment,
                 const Reach* reach = nullptr);

/// Canonical JSON, which is hashed and stored.
std::string to_text(const Routes& routes);
/// Errors: record_corrupt, for a text that is none, or not of a plan with so many nodes.
Result<Routes> routes_from_text(std::string_view text, std::size_t nodes);

}  // namespace hillstar::policy
