// SPDX-License-Identifier: Apache-2.0
// Where classified data would go beyond a clearance: found out once, from plan, routes and rules. Pure.
//
// A class follows edges and references: what a node gives is of the highest class of what it gets, or of its own
// `data`. Conditions that only decide whether a node runs carry nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "messages/error.hpp"
#include "messages/events.hpp"
#include "messages/inputs.hpp"
#include "runtime/policy/routes.hpp"
#include "runtime/policy/rules.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::policy {

/// Immutable; runs of one plan share it.
class DataGuard {
 public:
  /// A node's call to one of its places, or, for other tools, the node itself (candidate 0).
  struct Leak {
    NodeIndex node = 0;
    std::size_t candidate = 0;
    Release release;
  };

  DataGuard(std::vector<Leak> leaks, const DataRules& rules);

  /// What must not go there unless people let it; nullptr if nothing.
  [[nodiscard]] const Release* leak(NodeIndex node, std::size_t candidate) const;
  /// The first place of a node to which something must not go; nullptr if there is none.
  [[nodiscard]] const Release* first_leak(NodeIndex node) const;
  [[nodiscard]] const std::map<std::pair<NodeIndex, std::size_t>, Release>& leaks() const { return leaks_; }
  [[nodiscard]] std::uint32_t approvals() const { return approvals_; }
  [[nodiscard]] const std::vector<std::string>& approvers() const { return approvers_; }

 private:
  std::map<std::pair<NodeIndex, std::size_t>, Release> leaks_;
  std::uint32_t approvals_;
  std::vector<std::string> approvers_;
};

/// What is known of a run before it starts. Refers to what must outlive it.
struct DataFlow {
  const workflow::Plan& plan;
  const Routes& routes;
  const DataRules& rules;
  const std::string& workspace;  ///< Absolute; paths are relative to it.
};

/// Nothing if nothing would leave its clearance. Errors: data_refused, with a JSON pointer, for a class that there is
/// not.
Result<std::shared_ptr<const DataGuard>> guard_of(const DataFlow& flow);

/// Why a run must not start: the first leak that no person is to be asked about. Errors: data_refused.
Result<void> check_leaks(const workflow::Plan& plan, const DataGuard* guard);
/// `data of class 'restricted' would go to provider 'x', which is cleared for 'public': inputs.patients -> ask`.
std::string describe(const Release& release);

}  // namespace hillstar::policy
