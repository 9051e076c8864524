// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/routes.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "messages/json_codec.hpp"
#include "runtime/policy/air_gap.hpp"

namespace hillstar::policy {
namespace {

/// All that a choice depends on. A line feed is in none of the names.
std::string question_of(const workflow::PlanNode& node, const Json& model_config) {
  return node.provider + "\n" + node.model + "\n" + node.complexity.value_or("") + "\n" + node.lane + "\n" +
         std::to_string(tokens_asked(node, model_config));
}

std::vector<Route> ask(const workflow::PlanNode& node, const Json& config, const World& world, const Reach* reach) {
  auto choice = choose(node, config, world);
  if (!choice && world.keys_needed)
    return ask(node, config, {world.registry, world.environment, false, world.provider_config}, reach);
  std::vector<Route> list;
  if (!choice) return list;
  for (auto& candidate : choice->candidates) {
    if (reach != nullptr && !check_reach(*reach, candidate.backend, {})) continue;
    list.push_back({std::move(candidate.provider), std::move(candidate.model), std::move(candidate.backend.name),
                    std::move(candidate.reason), candidate.backend.prices, candidate.backend.context_tokens,
                    candidate.backend.is_near});
  }
  return list;
}

}  // namespace

const std::vector<Route>& Routes::of(NodeIndex node) const {
  static const std::vector<Route> kNone;
  const auto place = node < of_nodes.size() ? of_nodes[node] : 0;
  return place == 0 ? kNone : lists[place - 1];
}

Routes routes_of(const workflow::Plan& plan, const Registry& registry, const LookUp& environment, const Reach* reach) {
  Routes routes;
  std::unordered_map<std::string, std::uint32_t> places;
  for (NodeIndex i = 0; i < plan.nodes.size(); ++i) {
    if (plan.nodes[i].tool != "model_call") continue;
    const auto [place, is_new] = places.try_emplace(question_of(plan.nodes[i], plan.model_config), 0);
    if (is_new) {
      auto list = ask(plan.nodes[i], plan.model_config, {registry, environment, true, &plan.provider_config}, reach);
      if (!list.empty()) {
        routes.lists.push_back(std::move(list));
        place->second = static_cast<std::uint32_t>(routes.lists.size());
      }
    }
    if (place->second == 0) continue;
    routes.of_nodes.resize(i + 1);
    routes.of_nodes[i] = place->second;
  }
  return routes;
}

std::string to_text(const Routes& routes) {
  std::string text;
  json::write(text, routes);
  return text;
}

Result<Routes> routes_from_text(std::string_view text, std::size_t nodes) {
  HILLSTAR_TRY(const auto tree, json::parse(text));
  HILLSTAR_TRY(auto routes, json::read<Routes>(tree));
  const bool whole =
      routes.of_nodes.size() <= nodes &&
      std::all_of(routes.of_nodes.begin(), routes.of_nodes.end(),
                  [&](std::uint32_t place) { return place <= routes.lists.size(); }) &&
      std::none_of(routes.lists.begin(), routes.lists.end(), [](const auto& list) { return list.empty(); });
  if (!whole) return Error{Errc::record_corrupt, "the run's routes do not belong to its plan"};
  return routes;
}

}  // namespace hillstar::policy
