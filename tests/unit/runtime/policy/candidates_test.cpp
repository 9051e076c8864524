// SPDX-License-Identifier: Apache-2.0
// Who is asked, and who next: modes, presets, lists, keys.
#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <map>

#include "runtime/policy/model_choice.hpp"

using namespace hillstar;
using policy::Choice;

namespace {

using Variables = std::map<std::string, std::string>;

const Variables kAllKeys = {
    {"ANTHROPIC_API_KEY", "a"}, {"OPENAI_API_KEY", "b"}, {"MISTRAL_API_KEY", "c"}, {"GOOGLE_API_KEY", "d"}};

Json json_of(std::string_view text) {
  auto value = json::parse(text);
  REQUIRE(value.has_value());
  return Json::of(*value);
}

struct Asked {
  std::string provider = "";
  std::string model = "";
  std::string complexity = "";
  std::string parameters = "{}";
};

Result<Choice> choice_of(const Asked& asked, std::string_view config, const Variables& variables = kAllKeys,
                         bool keys_needed = true) {
  workflow::PlanNode node;
  node.id = NodeId("n");
  node.tool = "model_call";
  node.provider = asked.provider;
  node.model = asked.model;
  if (!asked.complexity.empty()) node.complexity = asked.complexity;
  node.parameters = json_of(asked.parameters);
  const policy::LookUp look_up = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  return policy::choose(node, json_of(config), {policy::shipped_registry(), look_up, keys_needed});
}

/// `provider/model provider/model`
std::string order(const Asked& asked, std::string_view config, const Variables& variables = kAllKeys) {
  const auto choice = choice_of(asked, config, variables);
  if (!choice) return to_string(choice.error());
  std::string text;
  for (const auto& candidate : choice->candidates) {
    CHECK_FALSE(candidate.reason.empty());
    text += (text.empty() ? "" : " ") + candidate.backend.provider_label + "/" + candidate.backend.model;
  }
  return text;
}

std::string first(const Asked& asked, std::string_view config, const Variables& variables = kAllKeys) {
  const auto all = order(asked, config, variables);
  return all.substr(0, all.find(' '));
}

}  // namespace

TEST_CASE("candidates: mode explicit, which is the default, has one and no other") {
  const auto* preferring = R"({"mode":"explicit","provider_preferences":{"priority":["openai","mistral"]}})";
  CHECK(order({"anthropic", "claude-opus-4-6"}, "{}") == "anthropic/claude-opus-4-6");
  CHECK(order({"anthropic", "claude-opus-4-6"}, preferring) == "anthropic/claude-opus-4-6");
  CHECK(order({"anthropic"}, preferring) == "anthropic/claude-haiku-4-5-20251001");
  const auto none = choice_of({"anthropic", "claude-opus-4-6"}, preferring, {{"OPENAI_API_KEY", "k"}});
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().message.find("ANTHROPIC_API_KEY") != std::string::npos);
}

TEST_CASE("candidates: a short name is sent whole, a provider's own short form as it is") {
  CHECK(order({"anthropic", "opus"}, "{}") == "anthropic/claude-opus-4-6");
  CHECK(order({"anthropic", "haiku"}, "{}") == "anthropic/claude-haiku-4-5-20251001");
  CHECK(order({"anthropic", "claude-haiku-4-5"}, "{}") == "anthropic/claude-haiku-4-5");
  CHECK(order({"openai", "gpt-5"}, "{}") == "openai/gpt-5");
  CHECK(order({"openai", "GPT-5.2"}, "{}") == "openai/gpt-5.2-2025-12-11");
  CHECK(order({"openai", "gpt-99"}, "{}") == "openai/gpt-99");
  CHECK(choice_of({"anthropic", "claude-haiku-4-5"}, "{}")->candidates[0].backend.prices->output == 5'000'000);
}

TEST_CASE("candidates: fallback gives each vendor a model of its own, of the same tier or below") {
  const auto all = order({"anthropic", "claude-sonnet-4-6"}, R"({"mode":"auto"})");
  CHECK(all.starts_with("anthropic/claude-sonnet-4-6 "));
  CHECK(all.find("openai/gpt-5") != std::string::npos);
  CHECK(all.find("google/gemini") != std::string::npos);
  CHECK(all.find("openai/claude") == std::string::npos);
  CHECK(all.find("opus") == std::string::npos);
  const auto choice = choice_of({"anthropic", "claude-sonnet-4-6"}, R"({"mode":"auto"})");
  for (const auto& candidate : choice->candidates) CHECK(*candidate.backend.tier <= policy::Tier::expensive);
  // A local server is not taken by a guess, and no key means no candidate.
  CHECK(all.find("ollama") == std::string::npos);
  CHECK(order({"anthropic", "claude-sonnet-4-6"}, R"({"mode":"auto"})", {{"ANTHROPIC_API_KEY", "a"}}) ==
        "anthropic/claude-sonnet-4-6");
  // The named one lacks its key: another may do.
  CHECK(first({"anthropic", "claude-sonnet-4-6"}, R"({"mode":"auto"})", {{"OPENAI_API_KEY", "a"}})
            .starts_with("openai/"));
  // Nobody knows what is like a model that is not known.
  CHECK(order({"openai", "gpt-99"}, R"({"mode":"auto"})") == "openai/gpt-99");
}

TEST_CASE("candidates: text for a near backend goes to no cloud that nobody named") {
  CHECK(order({"ollama", "mistral"}, R"({"mode":"auto"})") == "ollama/mistral");
  CHECK(order({"lab", "m"}, R"({"mode":"auto","custom_providers":{"lab":{"endpoint":"http://h:1"}}})") == "lab/m");
  CHECK(order({"ollama", "mistral"}, R"({"mode":"auto","provider_preference":["local"]})") ==
        "ollama/mistral local/local");
}

TEST_CASE("candidates: presets choose by complexity and price") {
  const auto preset = [](const char* name) { return std::string(R"({"mode":"preset","preset":")") + name + "\"}"; };
  CHECK(first({"", "", "simple"}, preset("minimize_cost")) == "mistral/ministral-3b-latest");
  CHECK(first({"", "", "critical"}, preset("minimize_cost")) == "anthropic/claude-haiku-4-5-20251001");
  CHECK(first({"", "", ""}, preset("balanced")) == "anthropic/claude-haiku-4-5-20251001");
  CHECK(first({"", "", "critical"}, preset("balanced")) == "anthropic/claude-opus-4-6");
  CHECK(first({"", "", "critical"}, preset("maximize_quality")) == "anthropic/claude-opus-4-6");
  CHECK(first({"", "", "simple"}, preset("maximize_quality")) == "anthropic/claude-haiku-4-5-20251001");
  CHECK(first({"", "", "critical"}, R"({"mode":"auto"})") == "anthropic/claude-opus-4-6");
  // The provider is the author's, the model the preset's.
  CHECK(first({"openai", "", "simple"}, preset("balanced")) == "openai/gpt-5-nano-2025-08-07");
  CHECK(first({"openai", "", "moderate"}, preset("balanced")) == "openai/gpt-4.1-2025-04-14");
  // Preferences come before prices.
  CHECK(first({"", "", "simple"},
              R"({"mode":"preset","preset":"minimize_cost","provider_preferences":{"priority":["openai"]}})") ==
        "openai/gpt-5-nano-2025-08-07");
  // A reply as long as asked for must fit.
  CHECK(first({"mistral", "", "simple", R"({"max_tokens":200000})"}, preset("balanced")) ==
        "mistral/devstral-medium-latest");
}

TEST_CASE("candidates: no preset chooses what costs more than it allows") {
  for (const char* complexity : {"simple", "moderate", "complex", "critical"}) {
    const auto choice = choice_of({"", "", complexity}, R"({"mode":"preset","preset":"minimize_cost"})");
    REQUIRE(choice.has_value());
    CHECK(choice->candidates.size() >= 3);
    for (const auto& candidate : choice->candidates) CHECK(*candidate.backend.tier <= policy::Tier::expensive);
  }
}

TEST_CASE("candidates: a model without a provider goes to whoever has it") {
  CHECK(order({"", "gemini-2.5-pro"}, R"({"mode":"auto"})") == "google/gemini-2.5-pro");
  CHECK(order({"", "sonnet"}, R"({"mode":"auto"})") == "anthropic/claude-sonnet-4-6");
  CHECK_FALSE(choice_of({"", "gemini-2.5-pro"}, "{}").has_value());
  CHECK_FALSE(choice_of({"", "nobody-has-this"}, R"({"mode":"auto"})").has_value());
}

TEST_CASE("candidates: lists hold for every one of them, under every name") {
  const auto listed = [](const char* lists) {
    return std::string(R"({"mode":"auto","provider_preferences":)") + lists + "}";
  };
  const auto blocked = order({"", "", ""}, listed(R"({"blocklist":["anthropic","google"]})"));
  CHECK(blocked.find("anthropic") == std::string::npos);
  CHECK(blocked.find("google") == std::string::npos);
  CHECK(blocked.find("openai") != std::string::npos);
  CHECK(order({"", "", ""}, listed(R"({"allowlist":["mistral"]})")).starts_with("mistral/"));
  const auto other_name = choice_of({"google_ai_studio", "gemini-2.5-pro"}, listed(R"({"blocklist":["google"]})"));
  REQUIRE_FALSE(other_name.has_value());
  CHECK(other_name.error().code == Errc::permission_denied);
  // The author contradicts himself: nothing is chosen in place of what he wrote.
  const auto named = choice_of({"openai", "gpt-5"}, listed(R"({"blocklist":["openai"]})"));
  REQUIRE_FALSE(named.has_value());
  CHECK(named.error().code == Errc::permission_denied);
}

TEST_CASE("candidates: local_only reaches nothing but this machine and its network") {
  const std::string local = R"({"mode":"preset","preset":"local_only"})";
  const auto all = choice_of({"", "", "critical"}, local);
  REQUIRE(all.has_value());
  for (const auto& candidate : all->candidates) {
    CHECK(candidate.backend.is_near);
    CHECK(policy::is_near(candidate.backend.base_url));
    CHECK_FALSE(policy::is_cloud_model_name(candidate.backend.model));
  }
  const auto denied = [](const Asked& asked, std::string_view config, const Variables& variables = kAllKeys) {
    const auto choice = choice_of(asked, config, variables);
    return !choice && choice.error().code == Errc::permission_denied;
  };
  for (const char* mode : {"explicit", "auto", "preset"}) {
    CAPTURE(mode);
    const auto with = [&](const std::string& more) {
      return std::string(R"({"preset":"local_only","mode":")") + mode + "\"" + more + "}";
    };
    CHECK(denied({"anthropic", "opus"}, with("")));
    CHECK(denied({"anthropic", "opus"}, with(""), {}));
    CHECK(denied({"google_ai_studio", "gemini-2.5-pro"}, with("")));
    CHECK(denied({"ollama", "minimax-m2.5:cloud"}, with("")));
    CHECK(
        denied({"anthropic_ollama", "mistral-small"}, with(""), {{"ANTHROPIC_BASE_URL", "https://api.anthropic.com"}}));
    CHECK(denied({"lab", "m"}, with(R"(,"custom_providers":{"lab":{"endpoint":"https://api.openai.com/v1"}})")));
    CHECK(denied({"router", "router-planner"}, with(""), {{"HILLSTAR_ROUTER_URL", "https://router.example.com"}}));
    CHECK_FALSE(denied({"router", "router-planner"}, with(""), {{"HILLSTAR_ROUTER_URL", "http://127.0.0.1:9"}}));
    CHECK_FALSE(denied({"lab", "m"}, with(R"(,"custom_providers":{"lab":{"endpoint":"http://10.0.0.1:9"}})")));
  }
  CHECK(
      order({"", "", "simple"}, R"({"mode":"preset","preset":"local_only","provider_preference":["openai","ollama"]})")
          .starts_with("ollama/mistral"));
}

TEST_CASE("candidates: seats never fall back") {
  const Variables with_router = {{"HILLSTAR_ROUTER_URL", "http://127.0.0.1:9"}, {"OPENAI_API_KEY", "k"}};
  CHECK(order({"router", "router-planner"}, R"({"mode":"auto"})", with_router) == "custom/router-planner");
  CHECK_FALSE(choice_of({"router", "router-planner"}, R"({"mode":"auto"})").has_value());
}

TEST_CASE("candidates: a missing key is told with its names and remedies, or only noted") {
  const auto none = choice_of({"google", "gemini-2.5-pro"}, "{}", {});
  REQUIRE_FALSE(none.has_value());
  const auto text = to_string(none.error());
  for (const char* part : {"GOOGLE_API_KEY", "GEMINI_API_KEY", ".env", "secrets.env", "Export"})
    CHECK(text.find(part) != std::string::npos);
  const auto ahead = choice_of({"google", "gemini-2.5-pro"}, "{}", {}, false);
  REQUIRE(ahead.has_value());
  CHECK(ahead->candidates[0].backend.key_missing);
  CHECK(choice_of({"google", "gemini-2.5-pro"}, "{}", {{"GEMINI_API_KEY", "k"}})->candidates[0].backend.key_variable ==
        "GEMINI_API_KEY");
  CHECK(choice_of({"anthropic_ollama"}, "{}", {})->candidates[0].backend.key_variable.empty());
  const auto nobody = choice_of({"", "", ""}, R"({"mode":"auto"})", {});
  REQUIRE_FALSE(nobody.has_value());
  CHECK(nobody.error().message.find("ANTHROPIC_API_KEY") != std::string::npos);
}

TEST_CASE("candidates: custom providers speak the protocol that they name") {
  const auto adapter = [](const char* type) {
    return choice_of({"lab", "m"},
                     std::string(R"({"custom_providers":{"lab":{"endpoint":"http://h:1","type":")") + type + "\"}}}")
        ->candidates[0]
        .backend.adapter;
  };
  CHECK(adapter("anthropic") == "anthropic");
  CHECK(adapter("google") == "google");
  CHECK(adapter("ollama") == "openai_compatible");
  CHECK(adapter("anything") == "openai_compatible");
}
