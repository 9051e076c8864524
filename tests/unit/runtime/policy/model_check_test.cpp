// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/model_check.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>

#include "runtime/workflow/compile.hpp"
#include "tests/support/accepted_terms.hpp"

using namespace hillstar;
using workflow::Diagnostic;
using workflow::Severity;

namespace {

std::vector<Diagnostic> checked(const std::string& node, const std::string& config = "{}") {
  const std::string text = R"({"id":"w","graph":{"nodes":{"n":{"tool":"model_call","input":"x",)" + node +
                           R"(}},"edges":[]},"model_config":)" + config + "," + kAcceptedTerms + "}";
  const auto compiled = workflow::compile(text);
  REQUIRE(compiled.plan.has_value());
  return policy::check_models(*compiled.plan, text, policy::shipped_registry());
}

Diagnostic only(const std::string& node, const std::string& config = "{}") {
  const auto found = checked(node, config);
  for (const auto& diagnostic : found) INFO(workflow::to_string(diagnostic, "w"));
  REQUIRE(found.size() == 1);
  return found.front();
}

void is_error(const Diagnostic& found, Errc code, const char* pointer) {
  CHECK(found.severity == Severity::error);
  CHECK(found.code == code);
  CHECK(found.pointer == pointer);
  CHECK(found.position.column > 1);
}

void is_warning(const Diagnostic& found, const char* pointer) {
  CHECK(found.severity == Severity::warning);
  CHECK(found.pointer == pointer);
}

}  // namespace

TEST_CASE("model check: what is right is silent, whatever keys are set") {
  CHECK(checked(R"("provider":"anthropic","model":"opus","parameters":{"max_tokens":64000})").empty());
  CHECK(checked(R"("provider":"openai","model":"gpt-5","parameters":{"reasoning_effort":"high"})").empty());
  CHECK(checked(R"("provider":"ollama","model":"anything:7b","parameters":{"temperature":0.2})").empty());
  CHECK(checked(R"("provider":"router","model":"router-planner")").empty());
  CHECK(
      checked(R"("provider":"lab","model":"m")", R"({"custom_providers":{"lab":{"endpoint":"http://h:1"}}})").empty());
  CHECK(checked(R"("provider":"openai","model":"gpt-4.1","parameters":{"temperature":0.05})").empty());
}

TEST_CASE("model check: a provider that nobody knows is an error with the nearest name") {
  const auto found = only(R"("provider":"opnai","model":"gpt-5")");
  is_error(found, Errc::provider_unknown, "/graph/nodes/n/provider");
  CHECK(found.hint.find("'openai'") != std::string::npos);
  is_error(only(R"("provider":"openai_mcp","model":"x")"), Errc::provider_unknown, "/graph/nodes/n/provider");
  is_error(only(R"("provider":"grok","model":"x")"), Errc::provider_unknown, "/graph/nodes/n/provider");
}

TEST_CASE("model check: a model that nobody knows is a warning, since lists age") {
  const auto found = only(R"("provider":"anthropic","model":"claud-opus-4-6")");
  is_warning(found, "/graph/nodes/n/model");
  CHECK(found.hint.find("claude-opus-4-6") != std::string::npos);
  // A family that is known by its name needs no entry.
  CHECK(checked(R"("provider":"anthropic","model":"claude-opus-4-8")").empty());
}

TEST_CASE("model check: the workflow's own rules") {
  is_error(only(R"("provider":"openai","model":"gpt-5")", R"({"provider_preferences":{"blocklist":["openai"]}})"),
           Errc::permission_denied, "/graph/nodes/n/provider");
  is_error(only(R"("provider":"openai","model":"gpt-5")", R"({"provider_preferences":{"allowlist":["mistral"]}})"),
           Errc::permission_denied, "/graph/nodes/n/provider");
  is_error(only(R"("provider":"anthropic","model":"opus")", R"({"preset":"local_only"})"), Errc::permission_denied,
           "/graph/nodes/n/provider");
  is_error(only(R"("provider":"ollama","model":"glm-5:cloud")", R"({"preset":"local_only"})"), Errc::permission_denied,
           "/graph/nodes/n/model");
  is_error(only(R"("provider":"lab","model":"m")",
                R"({"preset":"local_only","custom_providers":{"lab":{"endpoint":"https://far.example.com"}}})"),
           Errc::permission_denied, "/graph/nodes/n/provider");
  const auto typo = only(R"("provider":"mistral","model":"mistral-large-latest")",
                         R"({"provider_preferences":{"blocklist":["anthropc"]}})");
  is_warning(typo, "/model_config/provider_preferences/blocklist/0");
  CHECK(typo.hint.find("'anthropic'") != std::string::npos);
}

TEST_CASE("model check: parameters that a family refuses, or that would be left out") {
  is_warning(only(R"("provider":"openai","model":"gpt-5","parameters":{"temperature":0.5})"),
             "/graph/nodes/n/parameters/temperature");
  is_warning(only(R"("provider":"anthropic","model":"opus","parameters":{"temperature":0.5})"),
             "/graph/nodes/n/parameters/temperature");
  is_warning(only(R"("provider":"anthropic","model":"opus","parameters":{"reasoning_effort":"minimal"})"),
             "/graph/nodes/n/parameters/reasoning_effort");
  is_warning(only(R"("provider":"google","model":"gemini-3-flash-preview","parameters":{"thinking":false})"),
             "/graph/nodes/n/parameters/thinking");
  is_warning(only(R"("provider":"anthropic","model":"claude-sonnet-5-5","parameters":{"thinking":2000})"),
             "/graph/nodes/n/parameters/thinking");
}

TEST_CASE("model check: parameters of the wrong type are errors at their place, whoever is asked") {
  is_error(only(R"("provider":"anthropic","model":"opus","parameters":{"tools":[{"name":5}]})"), Errc::tool_parameters,
           "/graph/nodes/n/parameters/tools/0/name");
  is_error(only(R"("provider":"local","model":"m","parameters":{"schema":{"properties":{"a":{"type":"strin"}}}})"),
           Errc::tool_parameters, "/graph/nodes/n/parameters/schema/properties/a/type");
  // No address is known yet; the parameters are wrong for any.
  is_error(only(R"("provider":"router","model":"router-planner","parameters":{"top_p":"much"})"), Errc::tool_parameters,
           "/graph/nodes/n/parameters/top_p");
}

TEST_CASE("model check: what is left out or not checked is a warning") {
  is_warning(only(R"("provider":"anthropic","model":"opus","parameters":{"top_p":0.5})"),
             "/graph/nodes/n/parameters/top_p");
  is_warning(only(R"("provider":"openai","model":"gpt-4.1","parameters":{"thinking":true})"),
             "/graph/nodes/n/parameters/thinking");
  is_warning(only(R"("provider":"mistral","model":"mistral-large-latest","parameters":{"top_k":5})"),
             "/graph/nodes/n/parameters/top_k");
  is_warning(only(R"("provider":"google","model":"gemini-2.5-pro","parameters":{"chat_template_kwargs":{}})"),
             "/graph/nodes/n/parameters/chat_template_kwargs");
  is_warning(only(R"("provider":"local","model":"m","parameters":{"schema":{"unevaluatedItems":false}})"),
             "/graph/nodes/n/parameters/schema/unevaluatedItems");
  is_warning(
      only(R"("provider":"local","model":"m","parameters":{"tools":[{"name":"a","parameters":{"requird":[]}}]})"),
      "/graph/nodes/n/parameters/tools/0/parameters/requird");
}

TEST_CASE("model check: what the API cannot be asked for is an error where the author wrote it") {
  const auto refused_at = [](const char* field, const char* parameters) {
    const std::string text = R"({"id":"w","graph":{"nodes":{"n":{"tool":"model_call","provider":"local","model":"m",
        "input":{"messages":[{"role":"user","content":"x"}]},"parameters":)" +
                             std::string(parameters) + "}},\"edges\":[]}}";
    const auto compiled = workflow::compile(text);
    REQUIRE(compiled.plan.has_value());
    const auto found = policy::check_models(*compiled.plan, text, policy::shipped_registry(),
                                            [&](const ModelRequest&, const policy::Backend&) -> Result<void> {
                                              return Error{Errc::tool_parameters, "No.", field};
                                            });
    REQUIRE(found.size() == 1);
    CHECK(found.front().severity == Severity::error);
    return found.front().pointer;
  };
  CHECK(refused_at("/effort", R"({"reasoning_effort":"low"})") == "/graph/nodes/n/parameters/reasoning_effort");
  CHECK(refused_at("/format", R"({"schema":{}})") == "/graph/nodes/n/parameters/schema");
  CHECK(refused_at("/schema", R"({"response_format":{"type":"json_object"}})") ==
        "/graph/nodes/n/parameters/response_format");
  CHECK(refused_at("/messages/0/tool_call_id", "{}") == "/graph/nodes/n/input/messages");
  CHECK(refused_at("/images", R"({"images":["a.png"]})") == "/graph/nodes/n/parameters/images");
  CHECK(refused_at("/images", "{}") == "/graph/nodes/n/input");
  CHECK(refused_at("/seed", R"({"seed":1})") == "/graph/nodes/n/parameters/seed");
}

TEST_CASE("model check: replies that cannot be") {
  is_warning(only(R"("provider":"anthropic","model":"haiku","parameters":{"max_tokens":100000})"),
             "/graph/nodes/n/parameters/max_tokens");
  is_warning(only(R"("provider":"jan_code","parameters":{"max_tokens":40000})"),
             "/graph/nodes/n/parameters/max_tokens");
  is_warning(only(R"("provider":"jan_code","parameters":{"max_tokens":9000})"), "/graph/nodes/n/parameters/max_tokens");
}

TEST_CASE("model check: the copies of a loop are told once") {
  const std::string text = R"({"id":"w","graph":{"nodes":{"n":{"tool":"model_call","input":"x","provider":"opnai"}},
    "edges":[],"loops":[{"id":"l","body":["n"],"max_attempts":5,"until":{"node":"n","contains":"ok"}}]}})";
  const auto compiled = workflow::compile(text);
  REQUIRE(compiled.plan.has_value());
  CHECK(policy::check_models(*compiled.plan, text, policy::shipped_registry()).size() == 1);
}
