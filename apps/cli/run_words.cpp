// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/run_words.hpp"

#include <fmt/format.h>

#include <charconv>

#include "apps/cli/text.hpp"
#include "runtime/run/run.hpp"

namespace hillstar::cli {
namespace {

Error not_waiting(const StoredRun& stored, const std::string& what) {
  return {Errc::run_state, fmt::format("The run is {}: {}.", run::status_name(stored.state), what), stored.run.str(),
          "`hillstar-actors show " + stored.run.str() + "` tells what the run waits for."};
}

}  // namespace

Result<run::UnitRef> find_unit_named(const StoredRun& stored, const std::string& name) {
  const auto& plan = *stored.state.plan;
  auto found = find_node(plan, name);
  if (found) return run::UnitRef{*found, std::nullopt};
  const auto open = name.rfind('[');
  if (name.empty() || name.back() != ']' || open == std::string::npos) return found.error();
  HILLSTAR_TRY(const auto node, find_node(plan, name.substr(0, open)));
  const auto id = plan.nodes[node].id.str();
  if (!plan.nodes[node].map)
    return Error{Errc::not_found, "Node '" + id + "' has no items: it is no map.", stored.run.str(),
                 "Name the node alone."};
  const auto& map = stored.state.nodes[node].map;
  if (!map)
    return Error{Errc::not_found,
                 fmt::format("The items of '{}' are not known; it is {}.", id,
                             run::status_name(stored.state, stored.state.nodes[node])),
                 stored.run.str(), "Name the node alone."};
  std::uint32_t item = 0;
  const auto* end = name.data() + name.size() - 1;
  const auto [stopped, failed] = std::from_chars(name.data() + open + 1, end, item);
  if (failed != std::errc() || stopped != end || item >= map->units.size())
    return Error{
        Errc::not_found, fmt::format("'{}' is no item of '{}'; it has {}.", name, id, map->units.size()),
        stored.run.str(),
        map->units.empty() ? std::string() : fmt::format("Items are {}[0] to {}[{}].", id, id, map->units.size() - 1)};
  return run::UnitRef{node, item};
}

Result<void> check_answer(const StoredRun& stored, NodeIndex node, const std::string& who, bool yes) {
  const auto& id = stored.state.plan->nodes[node].id.str();
  if (run::is_terminal(stored.state))
    return Error{Errc::run_state,
                 fmt::format("The run is {}: nothing waits for approval.", run::status_name(stored.state)),
                 stored.run.str(),
                 {}};
  const auto& state = stored.state.nodes[node];
  if (state.status != run::NodeStatus::held)
    return not_waiting(
        stored, fmt::format("node '{}' is {} and does not wait for approval", id, run::status_name(state.status)));
  const auto& approval = *state.approval;
  if (!run::may_answer(approval.asked, who)) {
    std::string names;
    for (const auto& name : approval.asked.approvers) names += (names.empty() ? "" : ", ") + name;
    return Error{Errc::permission_denied,
                 fmt::format("{} may not answer for '{}': data.approvers names {}.", who, visible(id), visible(names)),
                 stored.run.str(), "Ask one of them. The rule stands in a policy file of the user or the site."};
  }
  if (yes && approval.given.contains(who))
    return Error{Errc::run_state,
                 fmt::format("{} has approved '{}' already; {} different people must.", who, visible(id),
                             approval.asked.approvals.value_or(1)),
                 stored.run.str(), "Somebody else must approve it too, from an account of their own."};
  return {};
}

Error answered_already(const StoredRun& stored, NodeIndex node) {
  return not_waiting(stored, "node '" + stored.state.plan->nodes[node].id.str() + "' has been answered already");
}

}  // namespace hillstar::cli
