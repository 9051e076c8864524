// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/vendor_models.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>

using namespace hillstar;
using namespace hillstar::policy;
using Sampling = ModelFamily::Sampling;

namespace {

std::vector<std::string> places(const char* adapter, const char* model, const ModelRequest& request) {
  std::vector<std::string> found;
  for (const auto& error : refused_by(model_family(adapter, model), request)) found.push_back(error.where);
  return found;
}

ModelRequest thinking(const char* json) {
  ModelRequest request;
  request.thinking = Json::from_canonical(json);
  return request;
}

using Places = std::vector<std::string>;

}  // namespace

TEST_CASE("model families: Claude's names in both orders, with dates and without") {
  const auto name = [](const char* model) { return anthropic_family(model).name; };
  CHECK(name("claude-opus-4-6") == "claude-opus-4-6");
  CHECK(name("claude-haiku-4-5-20251001") == "claude-haiku-4-5");
  CHECK(name("claude-sonnet-4-20250514") == "claude-sonnet-4");
  CHECK(name("claude-3-haiku-20240307") == "claude-haiku-3");
  CHECK(name("claude-3-5-sonnet-latest") == "claude-sonnet-3-5");
  CHECK(name("claude-fable-5-1") == "claude-fable-5-1");
  for (const char* model : {"", "claude", "claude-", "claude-opus", "claude-instant-1-2", "gpt-4o", "claude--", "opus",
                            "claude-opus-99999999999999999999"})
    CHECK(name(model).empty());
}

TEST_CASE("model families: Claude took sampling up to 4.6") {
  for (const char* model : {"claude-opus-4-6", "claude-sonnet-4-6", "claude-haiku-4-5", "claude-3-haiku-20240307",
                            "claude-opus-4-1", "claude-sonnet-4-5-20250929"}) {
    CAPTURE(model);
    CHECK(anthropic_family(model).sampling == Sampling::accepted);
  }
  ModelRequest request;
  request.temperature = Json::from_canonical("0.2");
  request.top_k = Json::from_canonical("40");
  for (const char* model : {"claude-opus-4-7", "claude-opus-4-8", "claude-sonnet-5", "claude-opus-5",
                            "claude-haiku-5-5", "claude-fable-5", "claude-fable-5-2"}) {
    CAPTURE(model);
    CHECK(places("anthropic", model, request) == Places{"/temperature", "/top_k"});
  }
  CHECK(places("anthropic_ollama", "claude-opus-5", request).empty());
}

TEST_CASE("model families: Claude's limits of replies") {
  const auto limit = [](const char* model) { return anthropic_family(model).max_output_tokens; };
  CHECK(limit("claude-opus-4-6") == 128'000U);
  CHECK(limit("claude-haiku-5-5") == 128'000U);
  CHECK(limit("claude-fable-5") == 128'000U);
  CHECK(limit("claude-haiku-4-5-20251001") == 64'000U);
  CHECK(limit("claude-sonnet-4-20250514") == 64'000U);
  CHECK(limit("claude-opus-4-1-20250805") == 32'000U);
  CHECK(limit("claude-opus-4-20250514") == 32'000U);
  CHECK(limit("claude-3-haiku-20240307") == 4'096U);
  CHECK_FALSE(limit("claude-3-5-sonnet-20241022"));
  ModelRequest request;
  request.max_tokens = 4'096;
  CHECK(places("anthropic", "claude-3-haiku-20240307", request).empty());
  request.max_tokens = 4'097;
  CHECK(places("anthropic", "claude-3-haiku-20240307", request) == Places{"/max_tokens"});
}

TEST_CASE("model families: Claude's thinking, forced tools and first words") {
  for (const char* model : {"claude-sonnet-5-5", "claude-opus-5-5", "claude-fable-5-1", "claude-fable-5-2"}) {
    CAPTURE(model);
    ModelRequest request;
    request.tool_choice = ToolChoiceKind::required;
    CHECK(places("anthropic", model, request) == Places{"/tool_choice"});
    request.tool_choice = ToolChoiceKind::automatic;
    CHECK(places("anthropic", model, request).empty());
    CHECK(places("anthropic", model, thinking("false")) == Places{"/thinking"});
    CHECK(places("anthropic", model, thinking(R"({"type":"disabled"})")) == Places{"/thinking"});
    CHECK(places("anthropic", model, thinking("2048")) == Places{"/thinking"});
    CHECK(places("anthropic", model, thinking(R"({"budget_tokens":2048,"type":"enabled"})")) == Places{"/thinking"});
    CHECK(places("anthropic", model, thinking("true")).empty());
  }
  CHECK(places("anthropic", "claude-haiku-5-5", thinking("2048")) == Places{"/thinking"});
  CHECK(places("anthropic", "claude-haiku-5-5", thinking("false")).empty());
  CHECK(places("anthropic", "claude-opus-4-6", thinking("2048")).empty());
  ModelRequest begun;
  begun.messages.resize(1);
  begun.messages[0].role = ModelRole::assistant;
  CHECK(places("anthropic", "claude-opus-4-6", begun) == Places{"/messages"});
  CHECK(places("anthropic", "claude-sonnet-4-5", begun).empty());
  ModelRequest effort;
  effort.effort = "minimal";
  CHECK(places("anthropic", "claude-opus-4-6", effort) == Places{"/effort"});
}

TEST_CASE("model families: Gemini 3 takes levels and always thinks, earlier ones take budgets") {
  ModelRequest request;
  request.effort = "low";
  CHECK(places("google", "gemini-3.5-flash", request).empty());
  CHECK(places("google", "models/gemini-3-pro-preview", request).empty());
  CHECK(places("google", "gemini-2.5-pro", request) == Places{"/effort"});
  request.effort = "none";
  CHECK(places("google", "gemini-3.5-flash", request) == Places{"/effort"});
  CHECK(places("google", "gemini-3.5-flash", thinking("false")) == Places{"/thinking"});
  CHECK(places("google", "gemini-3.5-flash", thinking("0")) == Places{"/thinking"});
  CHECK(places("google", "gemini-3.5-flash", thinking("1024")).empty());
  CHECK(places("google", "gemini-2.5-flash", thinking("0")).empty());
  for (const char* model : {"", "gemini", "gemini-", "gemini-embedding-001", "gemma-3", "gemini-999999999999"})
    CHECK(google_family(model).name.empty());
}
