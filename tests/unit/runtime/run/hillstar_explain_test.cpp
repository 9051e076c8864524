// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/hillstar_explain.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>

#include "runtime/run/run.hpp"
#include "runtime/workflow/compile.hpp"

using namespace hillstar;

namespace {

/// A run of one call and one script, in which the call has cost what is given.
run::RunState state_with(const std::string& config, MicroUsd cost) {
  auto compiled = workflow::compile(R"({"id":"w","model_config":)" + config + R"(,"graph":{"edges":[],"nodes":{
      "a":{"tool":"model_call","provider":"lab","complexity":"complex","input":"x"},
      "s":{"tool":"script_run","parameters":{"script":"true"}}}}})");
  REQUIRE(compiled.plan.has_value());
  auto state = run::initial(std::make_shared<const workflow::Plan>(*std::move(compiled.plan)));
  RunStarted started;
  run::step(state, {UtcTime{1}, 0, Start{started, {}}});
  Usage usage;
  usage.cost = cost;
  state.nodes[0].call.emplace();
  state.nodes[0].call->spent = cost;
  state.usage = usage;
  state.spent = cost;
  return state;
}

boost::json::object explained(const std::string& config, NodeIndex node = 0, MicroUsd cost = MicroUsd{250'000}) {
  const auto state = state_with(config, cost);
  boost::json::object out;
  run::explain_selection(state, node, out);
  run::explain_costs(state, out);
  return out;
}

}  // namespace

TEST_CASE("explainability: nothing is told unless it is asked for") {
  CHECK(explained("{}").empty());
  CHECK(explained(R"({"explainability":{"log_selection_reasoning":false,"log_cost_estimates":false}})").empty());
}

TEST_CASE("explainability: a call tells how its model came about, a script has none") {
  const auto* config = R"({"mode":"auto","explainability":{"log_selection_reasoning":true}})";
  const auto told = explained(config);
  CHECK(told.at("selection_mode") == "auto");
  CHECK(told.at("complexity_hint") == "complex");
  CHECK(told.at("has_explicit_provider") == true);
  CHECK(told.at("has_explicit_model") == false);
  CHECK(explained(config, 1).empty());
  CHECK(explained(R"({"explainability":{"log_selection_reasoning":true}})").at("selection_mode") == "explicit");
}

TEST_CASE("explainability: the costs of calls are summed, and what is left of a budget") {
  const auto plain = explained(R"({"explainability":{"log_cost_estimates":true}})");
  const auto& summary = plain.at("budget_summary").get_object();
  CHECK(summary.at("cumulative_cost_usd") == 0.25);
  CHECK(summary.at("node_costs") == boost::json::value{{"a", 0.25}});
  CHECK(!summary.contains("max_workflow_usd"));
  const auto limited = explained(R"({"budget":{"max_workflow_usd":1},"explainability":{"log_cost_estimates":true}})");
  const auto& budget = limited.at("budget_summary").get_object();
  CHECK(budget.at("remaining_budget_usd") == 0.75);
  CHECK(budget.at("utilization_percent") == 25.0);
}
