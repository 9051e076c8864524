// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/model_families.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>

using namespace hillstar;
using namespace hillstar::policy;
using Sampling = ModelFamily::Sampling;

namespace {

std::vector<std::string> places(const ModelFamily& family, const ModelRequest& request) {
  std::vector<std::string> found;
  for (const auto& error : refused_by(family, request)) {
    CHECK(error.code == Errc::tool_parameters);
    CHECK_FALSE(error.hint.empty());
    found.push_back(error.where);
  }
  return found;
}

}  // namespace

TEST_CASE("model families: what is not known takes everything") {
  ModelRequest request;
  request.temperature = Json::from_canonical("1");
  request.effort = "max";
  request.tool_choice = ToolChoiceKind::required;
  request.max_tokens = 10'000'000;
  for (const char* model : {"", "gpt", "gpt-", "gpt-oss-120b", "gpt--5", "o", "omni", "llama-3", "gpt-99999999999999"})
    CHECK(refused_by(model_family("openai", model), request).empty());
  CHECK(model_family("openai_compatible", "gpt-5").name.empty());
}

TEST_CASE("model families: OpenAI's by name") {
  const auto family = [](const char* model) { return model_family("openai", model); };
  for (const char* model : {"gpt-4o", "gpt-4.1-mini", "gpt-3.5-turbo", "gpt-5-chat-latest", "gpt-6.1-chat-latest"}) {
    CAPTURE(model);
    CHECK(family(model).sampling == Sampling::accepted);
    CHECK(family(model).system_role == ModelRole::system);
    CHECK_FALSE(family(model).effort);
    CHECK(family(model).chat_tools_with_effort);
  }
  for (const char* model : {"o1", "o3-mini", "o4-mini-2025-04-16", "gpt-5", "gpt-5-mini-2025-08-07", "gpt-6-terra",
                            "gpt-6-lunar", "gpt-6.1-luna"}) {
    CAPTURE(model);
    CHECK(family(model).sampling == Sampling::refused);
    CHECK(family(model).system_role == ModelRole::developer);
  }
  for (const char* model :
       {"gpt-5.1", "gpt-5.6-mini", "gpt-6-luna", "gpt-6-sol-2026-09-01", "gpt-6.1-terra", "ft:gpt-5.2:acme::id"}) {
    CAPTURE(model);
    CHECK(family(model).sampling == Sampling::without_effort);
    CHECK_FALSE(family(model).penalties);
  }
  CHECK(family("gpt-5.5").chat_tools_with_effort);
  CHECK_FALSE(family("gpt-5.6").chat_tools_with_effort);
  CHECK_FALSE(family("gpt-5.10").chat_tools_with_effort);
  CHECK_FALSE(family("gpt-6-luna").chat_tools_with_effort);
}

TEST_CASE("model families: a refusal names the field") {
  ModelRequest request;
  request.temperature = Json::from_canonical("0.5");
  request.top_p = Json::from_canonical("0.5");
  request.frequency_penalty = Json::from_canonical("1");
  CHECK(places(model_family("openai", "gpt-6-luna"), request) ==
        std::vector<std::string>{"/temperature", "/top_p", "/frequency_penalty"});
  request.effort = "none";
  CHECK(places(model_family("openai", "gpt-6-luna"), request) == std::vector<std::string>{"/frequency_penalty"});
  CHECK(places(model_family("openai", "gpt-6-terra"), request).size() == 4);
  CHECK(places(model_family("openai", "gpt-4o"), request) == std::vector<std::string>{"/effort"});
  request = {};
  request.effort = "minimal";
  CHECK(places(model_family("openai", "gpt-6-luna"), request) == std::vector<std::string>{"/effort"});
  request.effort = "low";
  request.thinking = Json::from_canonical("2048");
  CHECK(places(model_family("openai", "gpt-5"), request) == std::vector<std::string>{"/thinking"});
  request.thinking = Json::from_canonical("false");
  CHECK(places(model_family("openai", "gpt-5"), request) == std::vector<std::string>{"/thinking"});
}

TEST_CASE("model families: what any family can refuse") {
  ModelFamily family;
  family.name = "f";
  family.forced_tools = family.prefill = false;
  family.max_output_tokens = 10;
  ModelRequest request;
  request.tool_choice = ToolChoiceKind::named;
  request.max_tokens = 11;
  request.messages.emplace_back().role = ModelRole::assistant;
  CHECK(places(family, request) == std::vector<std::string>{"/tool_choice", "/messages", "/max_tokens"});
  request.max_tokens = 10;
  request.prompt = "x";
  request.tool_choice = ToolChoiceKind::automatic;
  CHECK(places(family, request).empty());
}
