// SPDX-License-Identifier: Apache-2.0
// The state before the first event, and after a history.
#include <utility>

#include "runtime/run/run.hpp"

namespace hillstar::run {

std::shared_ptr<const PlanIndex> index_of(const workflow::Plan& plan) {
  auto index = std::make_shared<PlanIndex>();
  index->reserve(plan.nodes.size());
  for (NodeIndex i = 0; i < plan.nodes.size(); ++i) index->emplace(plan.nodes[i].id.str(), i);
  return index;
}

RunState initial(std::shared_ptr<const workflow::Plan> plan, std::shared_ptr<const PlanIndex> index) {
  RunState state;
  state.index = index ? std::move(index) : index_of(*plan);
  state.plan = std::move(plan);
  state.nodes.resize(state.plan->nodes.size());
  for (const auto& loop : state.plan->loops)
    state.open_judges.push_back(static_cast<std::uint32_t>(loop.judges.size()));
  return state;
}

RunState replay(RunState fresh, const std::vector<Recorded>& history) {
  for (const auto& recorded : history) evolve(fresh, recorded.event, recorded.at);
  return fresh;
}

RunState replay(std::shared_ptr<const workflow::Plan> plan, const std::vector<Recorded>& history) {
  return replay(initial(std::move(plan)), history);
}

}  // namespace hillstar::run
