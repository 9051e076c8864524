// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "tests/simulation/world.hpp"

namespace hillstar::simulation {
namespace {

using namespace workflow;

class Builder {
 public:
  explicit Builder(std::mt19937_64& dice) : dice_(dice) {}

  std::shared_ptr<const Plan> build() {
    plan_.workflow = WorkflowId("simulated");
    plan_.max_concurrency = 1 + roll(6);
    if (roll(2) == 0) {
      plan_.budget.emplace();
      if (roll(2) == 0) plan_.budget->run = MicroUsd{roll(60'000)};
      if (roll(3) == 0) plan_.budget->node = MicroUsd{roll(40'000)};
      plan_.budget->pause = roll(2) == 0;
    }
    const auto count = 1 + roll(14);
    while (plan_.nodes.size() < count)
      if (roll(8) == 0)
        add_loop();
      else
        add_node();
    for (NodeIndex i = 0; i < plan_.nodes.size(); ++i)
      for (const auto p : plan_.nodes[i].predecessors) plan_.nodes[p].successors.push_back(i);
    return std::make_shared<const Plan>(std::move(plan_));
  }

 private:
  unsigned roll(unsigned bound) { return static_cast<unsigned>(dice_() % bound); }
  NodeIndex size() const { return static_cast<NodeIndex>(plan_.nodes.size()); }

  PlanNode fresh() {
    PlanNode node;
    node.id = NodeId("n" + std::to_string(size()));
    node.tool = "script_run";
    node.parameters = Json::from_canonical("{}");
    node.retry.attempts = 1 + roll(4);
    if (roll(4) == 0) node.placement = Placement{};
    node.effect = static_cast<Effect>(roll(8) == 0 ? 2 : roll(2));
    node.on_error = static_cast<OnError>(roll(4) == 0 ? 0 : 1 + roll(2));
    node.permission = roll(12) == 0 ? Permission::ask : roll(60) == 0 ? Permission::never : Permission::always;
    if (roll(3) == 0) node.approvals = 1 + roll(3);
    node.checkpoint = roll(6) == 0;
    if (roll(2) == 0) node.repairs = roll(3);
    node.parameters = Json::from_canonical(R"({"max_tokens":)" + std::to_string(1 + roll(2000)) + "}");
    if (roll(5) == 0) node.schedule_to_close = Millis{1 + roll(9)};
    if (roll(6) == 0) node.lane = roll(2) == 0 ? "left" : "right";
    for (NodeIndex p = 0; p < size(); ++p)
      if (roll(4) == 0) node.predecessors.push_back(p);
    return node;
  }

  void add_node() {
    auto node = fresh();
    if (roll(5) == 0) {
      node.map = MapSpec{Json::string("{{ list }}"), roll(3), std::nullopt};
      if (roll(2) == 0) node.map->min_success = roll(4);
    }
    if (!node.predecessors.empty() && roll(4) == 0) {
      const auto asked = node.predecessors[roll(static_cast<unsigned>(node.predecessors.size()))];
      Condition condition;
      if (plan_.nodes[asked].tests.empty() || roll(2) == 0)
        condition.status = StatusTest{asked, static_cast<NodeEnd>(roll(3))};
      else
        condition.test = NodeTest{asked, 0};
      (roll(2) == 0 ? node.when : node.skip_if) = condition;
    }
    if (!node.map && roll(3) == 0) node.tests.push_back(Test{"x", std::nullopt, std::nullopt});
    make_talk(node);
    plan_.nodes.push_back(std::move(node));
  }

  /// Some nodes ask a person, others wait for one of two signals.
  void make_talk(PlanNode& node) {
    const auto kind = roll(8);
    if (kind > 1) return;
    node.tool = kind == 0 ? "input" : "signal";
    node.placement.reset();
    if (kind == 1) node.parameters = Json::from_canonical(roll(2) == 0 ? R"({"name":"go"})" : R"({"name":"stop"})");
    if (kind == 0) node.parameters = Json::from_canonical(R"({"prompt":"?","schema":{"type":"integer"}})");
    if (roll(2) == 0) node.schedule_to_close.reset();
  }

  /// Two body nodes, the second one judges: first@1 -> judge@1 -> first@2 -> ...
  void add_loop() {
    const auto attempts = 1 + roll(3);
    const auto name = "loop" + std::to_string(plan_.loops.size());
    const auto start = size();
    for (std::uint32_t attempt = 1; attempt <= attempts; ++attempt)
      for (const bool judges : {false, true}) {
        auto node = fresh();
        node.permission = Permission::always;
        node.lane.clear();
        node.loop = LoopPlace{name, attempt, attempts};
        if (!judges) make_talk(node);
        if (judges) {
          node.predecessors = {size() - 1};
          node.tests = {Test{"ok", std::nullopt, std::nullopt}};
        } else if (attempt > 1) {
          node.predecessors = {size() - 1};
        }
        if (attempt > 1) {
          const NodeIndex judge = start + (attempt - 1) * 2 - 1;
          node.stands_for = size() - 2;
          Condition met;
          met.test = NodeTest{judge, 0};
          Condition skipped;
          skipped.status = StatusTest{judge, NodeEnd::skipped};
          node.skip_if = Condition{};
          node.skip_if->any = {met, skipped};
        }
        plan_.nodes.push_back(std::move(node));
      }
    Condition met;
    met.test = NodeTest{size() - 1, 0};
    plan_.loops.push_back({name, attempts, roll(3) == 0, met, {size() - 1}});
  }

  std::mt19937_64& dice_;
  Plan plan_;
};

}  // namespace

std::shared_ptr<const workflow::Plan> classified_plan(std::mt19937_64& dice) {
  static const std::array kClasses = {"public", "internal", "confidential", "restricted"};
  const auto roll = [&](unsigned bound) { return static_cast<unsigned>(dice() % bound); };
  auto plan = *random_plan(dice);
  for (auto& node : plan.nodes) {
    node.placement.reset();
    if (roll(2) == 0) node.tool = "model_call";
    if (roll(3) == 0) node.data = kClasses[roll(kClasses.size())];
    node.asks_release = roll(3) != 0;
  }
  return std::make_shared<const workflow::Plan>(std::move(plan));
}

std::shared_ptr<const policy::Routes> random_routes(std::mt19937_64& dice, std::size_t nodes) {
  const auto roll = [&](unsigned bound) { return static_cast<unsigned>(dice() % bound); };
  policy::Routes routes;
  const auto lists = 1 + roll(4);
  for (unsigned i = 0; i < lists; ++i) {
    auto& list = routes.lists.emplace_back(1 + roll(3));
    for (auto& route : list) {
      route.near = roll(2) == 0;
      route.provider = route.near ? "here" : "elsewhere";
      route.backend = "backend " + std::to_string(roll(5));
      if (roll(5) != 0) route.prices = policy::ModelPrices{roll(10'000'000), roll(10'000'000), {}, {}};
    }
  }
  for (std::size_t i = 0; i < nodes; ++i) routes.of_nodes.push_back(roll(lists + 2) % (lists + 1));
  return std::make_shared<const policy::Routes>(std::move(routes));
}

std::shared_ptr<const workflow::Plan> random_plan(std::mt19937_64& dice) { return Builder(dice).build(); }

}  // namespace hillstar::simulation
