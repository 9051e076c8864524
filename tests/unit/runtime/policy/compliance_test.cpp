// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/compliance.hpp"

#include <doctest/doctest.h>

#include "runtime/policy/air_gap.hpp"
#include "runtime/policy/routes.hpp"
#include "runtime/workflow/compile.hpp"

using namespace hillstar;

namespace {

workflow::Plan plan_of(const std::string& node, const std::string& more = "") {
  auto compiled = workflow::compile(R"({"id":"w","graph":{"nodes":{"a":)" + node + R"(},"edges":[]})" +
                                    (more.empty() ? "" : "," + more) + "}");
  REQUIRE(compiled.plan.has_value());
  return *std::move(compiled.plan);
}

const std::vector<std::string> kKeys = {"ANTHROPIC_API_KEY=k", "OPENAI_API_KEY=k"};

Result<policy::Choice> choice(const workflow::Plan& plan, const std::vector<std::string>& environment = kKeys) {
  const auto look_up = policy::look_up_in(environment);
  return policy::choose(plan.nodes[0], plan.model_config,
                        {policy::shipped_registry(), look_up, true, &plan.provider_config});
}

const std::string kAnthropic = R"({"tool":"model_call","provider":"anthropic","model":"opus","input":"x"})";
const std::string kAll = R"({"tos_accepted":true,"audit_enabled":true,"restricted_use_acknowledged":true})";

}  // namespace

TEST_CASE("compliance: a provider whose terms nobody accepted is not called, and what is missing is told") {
  const auto found = choice(plan_of(kAnthropic));
  REQUIRE(!found.has_value());
  CHECK(found.error().code == Errc::terms_not_accepted);
  CHECK(found.error().message.find("https://") != std::string::npos);
  CHECK(found.error().hint.find("\"restricted_use_acknowledged\": true") != std::string::npos);
  for (const char* part : {"tos_accepted", "audit_enabled", "restricted_use_acknowledged"}) {
    auto said = kAll;
    said.replace(said.find(part) + std::string(part).size() + 2, 4, "null");
    const auto again = choice(plan_of(kAnthropic, R"("provider_config":{"anthropic":)" + said + "}"));
    REQUIRE(!again.has_value());
    CHECK(again.error().hint.find("{\"" + std::string(part) + "\": true}") != std::string::npos);
  }
  CHECK(choice(plan_of(kAnthropic, R"("provider_config":{"anthropic":)" + kAll + "}")).has_value());
}

TEST_CASE("compliance: a word that is not true accepts nothing") {
  for (const char* word : {"\"yes\"", "1", "null", "false"})
    CHECK(!choice(plan_of(kAnthropic, R"("provider_config":{"anthropic":{"tos_accepted":)" + std::string(word) +
                                          R"(,"audit_enabled":true,"restricted_use_acknowledged":true}})"))
               .has_value());
}

TEST_CASE("compliance: providers on this machine and network ask for nothing, under whatever name") {
  CHECK(choice(plan_of(R"({"tool":"model_call","provider":"ollama","model":"m","input":"x"})")).has_value());
  CHECK(choice(plan_of(R"({"tool":"model_call","provider":"anthropic","model":"m","input":"x"})",
                       R"("model_config":{"custom_providers":{"anthropic":{"endpoint":"http://127.0.0.1:1",
                          "type":"anthropic","model_name":"m"}}})"))
            .has_value());
}

TEST_CASE("compliance: a provider of one's own that is the known one's address is bound by its terms") {
  for (const std::string address :
       {"https://api.anthropic.com", "https://API.Anthropic.COM", "https://api.anthropic.com.",
        "https://me@api.anthropic.com", "https://api.anthropic.com:443/v1"}) {
    CAPTURE(address);
    const auto plan = plan_of(R"({"tool":"model_call","provider":"mine","model":"m","input":"x"})",
                              R"("model_config":{"custom_providers":{"mine":{"endpoint":")" + address +
                                  R"(","type":"anthropic","model_name":"m"}}})");
    const auto found = choice(plan);
    REQUIRE(!found.has_value());
    CHECK(found.error().code == Errc::terms_not_accepted);
  }
}

TEST_CASE("compliance: a fallback that was not acknowledged is no candidate") {
  const std::string config = R"("model_config":{"mode":"auto"},"provider_config":{"anthropic":)" + kAll + "}";
  const auto found = choice(plan_of(R"({"tool":"model_call","input":"x"})", config));
  REQUIRE(found.has_value());
  for (const auto& candidate : found->candidates) CHECK(candidate.provider == "anthropic");
  bool told = false;
  for (const auto& left : found->left_out) told = told || left.error.code == Errc::terms_not_accepted;
  CHECK(told);
}

TEST_CASE("air gap: near endpoints are reached, others only if a list names them, and then nothing else") {
  const policy::Reach near;
  CHECK(policy::may_reach(near, "http://127.0.0.1:8080/v1", "127.0.0.1", 8080));
  CHECK(policy::may_reach(near, "http://gpu1:8080", "gpu1", 8080));
  CHECK(!policy::may_reach(near, "https://api.anthropic.com", "api.anthropic.com", 443));
  const policy::Reach listed{std::vector<std::string>{"api.lab.example:443", "[::1]:8080"}};
  CHECK(policy::may_reach(listed, "https://api.lab.example", "api.lab.example", 443));
  CHECK(!policy::may_reach(listed, "https://api.lab.example:444", "api.lab.example", 444));
  CHECK(policy::may_reach(listed, "http://[::1]:8080", "::1", 8080));
  CHECK(!policy::may_reach(listed, "http://127.0.0.1:8080", "127.0.0.1", 8080));
}

TEST_CASE("air gap: routes elsewhere are left out, and a call without any is refused before the run") {
  const auto plan = plan_of(kAnthropic, R"("provider_config":{"anthropic":)" + kAll + "}");
  const policy::Reach near;
  const auto found = [](const workflow::Plan& wanted, const policy::Reach* reach) {
    return policy::routes_of(wanted, policy::shipped_registry(), policy::look_up_in(kKeys), reach);
  };
  CHECK(found(plan, &near).of(0).empty());
  const auto refused = policy::check_routes(plan, found(plan, nullptr), found(plan, &near));
  REQUIRE(!refused.has_value());
  CHECK(refused.error().code == Errc::air_gapped);
  CHECK(refused.error().where == "/graph/nodes/a");
  const auto local = plan_of(R"({"tool":"model_call","provider":"ollama","model":"m","input":"x"})");
  CHECK(policy::check_routes(local, found(local, nullptr), found(local, &near)).has_value());
}
