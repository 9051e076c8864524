// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/routes.hpp"

#include <doctest/doctest.h>

#include "runtime/policy/call_bound.hpp"
#include "runtime/workflow/compile.hpp"
#include "tests/support/accepted_terms.hpp"

using namespace hillstar;

namespace {

workflow::Plan plan_of(const std::string& nodes, const std::string& config = "{}") {
  auto compiled = workflow::compile(R"({"id":"w","graph":{"nodes":)" + nodes + R"(,"edges":[]},"model_config":)" +
                                    config + "," + kAcceptedTerms + "}");
  REQUIRE(compiled.plan.has_value());
  return *std::move(compiled.plan);
}

policy::Routes routes(const workflow::Plan& plan, const std::vector<std::string>& environment = {}) {
  return policy::routes_of(plan, policy::shipped_registry(), policy::look_up_in(environment));
}

const char* const kThree = R"({"a":{"tool":"model_call","provider":"anthropic","model":"opus"},
  "s":{"tool":"script_run","parameters":{"script":"true"}},
  "b":{"tool":"model_call","provider":"anthropic","model":"opus"},
  "c":{"tool":"model_call","provider":"openai","model":"gpt-5"}})";

}  // namespace

TEST_CASE("routes: model calls have one, with prices; nodes that ask alike share it; others have none") {
  const auto plan = plan_of(kThree);
  const auto found = routes(plan, {"ANTHROPIC_API_KEY=k", "OPENAI_API_KEY=k"});
  CHECK(found.lists.size() == 2);
  for (NodeIndex i = 0; i < plan.nodes.size(); ++i) {
    const auto& list = found.of(i);
    if (plan.nodes[i].tool == "script_run") {
      CHECK(list.empty());
      continue;
    }
    REQUIRE(list.size() == 1);
    CHECK(list[0].provider == plan.nodes[i].provider);
    CHECK(list[0].prices.has_value());
    CHECK(list[0].context_tokens.has_value());
    // What the route says is found again when the call is made.
    const auto environment = std::vector<std::string>{"ANTHROPIC_API_KEY=k", "OPENAI_API_KEY=k"};
    const auto look_up = policy::look_up_in(environment);
    const auto backend = policy::find_backend(plan.nodes[i], plan.model_config, {policy::shipped_registry(), look_up},
                                              list[0].provider, list[0].model);
    REQUIRE(backend.has_value());
    CHECK(backend->name == list[0].backend);
    CHECK(backend->prices == list[0].prices);
  }
  CHECK(found.of(99).empty());
}

TEST_CASE("routes: a key that is missing now leaves the place in, since it may be given later") {
  const auto found = routes(plan_of(kThree));
  CHECK(found.lists.size() == 2);
}

TEST_CASE("routes: what is forbidden has none") {
  const auto found = routes(plan_of(kThree, R"({"preset":"local_only"})"));
  CHECK(found.empty());
}

TEST_CASE("routes: auto keeps all candidates in order, those without a key left out") {
  const auto plan = plan_of(R"({"a":{"tool":"model_call","complexity":"complex"}})", R"({"mode":"auto"})");
  CHECK(routes(plan, {"ANTHROPIC_API_KEY=k", "OPENAI_API_KEY=k"}).of(0).size() == 2);
  CHECK(routes(plan, {"OPENAI_API_KEY=k"}).of(0).size() == 1);
}

TEST_CASE("routes: a seat keeps its name, by which it is found again") {
  const auto plan = plan_of(R"({"a":{"tool":"model_call","provider":"router","model":"router-planner"}})",
                            R"({"custom_providers":{"router":{"endpoint":"http://127.0.0.1:9","model_name":"m"}}})");
  const auto found = routes(plan);
  REQUIRE(found.of(0).size() == 1);
  CHECK(found.of(0)[0].model == "router-planner");
}

TEST_CASE("routes: the text reads back equal, and a text of another plan is refused") {
  const auto plan = plan_of(kThree);
  const auto found = routes(plan);
  const auto text = policy::to_text(found);
  const auto back = policy::routes_from_text(text, plan.nodes.size());
  REQUIRE(back.has_value());
  CHECK(*back == found);
  CHECK_FALSE(policy::routes_from_text(text, 2).has_value());
  for (const char* broken :
       {"", "[]", R"({"lists":[[]],"of_nodes":[1]})", R"({"lists":[],"of_nodes":[1]})", R"({"of":1})"})
    CHECK_FALSE(policy::routes_from_text(broken, 10).has_value());
}

TEST_CASE("call_bound: prompt, parameters and images count, and never more than the context") {
  auto plan = plan_of(R"({"a":{"tool":"model_call","provider":"anthropic","model":"opus",
    "parameters":{"max_tokens":70,"images":["x.png","y.png"]}}})");
  const auto& node = plan.nodes[0];
  const auto bound = policy::bound_of(node, plan.model_config, {1'000, 50}, std::nullopt);
  CHECK(bound.output == 70);
  CHECK(bound.input >= 1'050 + 2 * policy::kImageTokens);
  CHECK(bound.input < 2'000 + 2 * policy::kImageTokens);
  CHECK(policy::bound_of(node, plan.model_config, {1'000, 50}, 5'000).input == 5'000);
}

TEST_CASE("call_bound: max_tokens comes from the node, then the workflow, then the default") {
  const auto plan =
      plan_of(R"({"a":{"tool":"model_call","provider":"local"}})", R"({"sampling_params":{"max_tokens":9}})");
  CHECK(policy::reply_tokens(plan.nodes[0], plan.model_config) == 9);
  CHECK(policy::reply_tokens(plan.nodes[0], Json()) == policy::kMaxTokensDefault);
}
