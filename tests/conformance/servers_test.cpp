// SPDX-License-Identifier: Apache-2.0
// What servers other than OpenAI answered to OpenAI's requests: recorded pairs, one a line.
#include <doctest/doctest.h>

#include "messages/json.hpp"
#include "providers/fields.hpp"
#include "tests/conformance/provider_fixtures.hpp"

using namespace hillstar;
using namespace hillstar::conformance;
using namespace hillstar::providers;

namespace {

ProviderCase case_of(const boost::json::value& pair, const std::string& name) {
  ProviderCase made;
  made.name = name;
  const auto& reply = pair.at("response");
  made.reply.status = reply.at("status").to_number<unsigned>();
  const auto& body = reply.at("body");
  made.reply.body = body.is_string() ? std::string(body.get_string()) : boost::json::serialize(body);
  return made;
}

void check_reply(const Outcome& outcome, const ProviderCase& wanted) {
  const auto* failure = std::get_if<Failure>(&outcome);
  if (wanted.reply.status != 200) {
    REQUIRE(failure != nullptr);
    CHECK(failure->kind == FailureClass::invalid_request);
    return;
  }
  REQUIRE_MESSAGE(failure == nullptr, failure->message);
  const auto& reply = std::get<ModelReply>(outcome);
  const bool calls = wanted.reply.body.find("get_weather") != std::string::npos;
  CHECK(reply.text.empty() == calls);
  REQUIRE(reply.tool_calls.size() == (calls ? 1 : 0));
  CHECK(reply.finish == (calls ? FinishKind::tool_calls : FinishKind::stop));
  const bool names_model = wanted.reply.body.find("\"model\"") != std::string::npos;
  CHECK(reply.model.empty() == !names_model);
  if (!calls) return;
  CHECK(reply.tool_calls[0].name == "get_weather");
  CHECK(reply.tool_calls[0].arguments.text() == R"({"city":"Oslo"})");
  CHECK_FALSE(reply.tool_calls[0].id.empty());
}

void check_recording(const std::string& name) {
  const auto& adapter = *find_adapter("openai_compatible");
  Endpoint endpoint;
  endpoint.key = Secret("test-key");
  std::size_t number = 0;
  for (const auto& pair : recorded_pairs(name)) {
    const auto wanted = case_of(pair, name + " line " + std::to_string(++number));
    const auto path = text_member(&pair.at("request"), "path");
    if (path == "/v1/chat/completions" || path == "/v1/responses")
      for_each_reading(adapter, endpoint, wanted, [&](const Outcome& outcome) { check_reply(outcome, wanted); });
    if (path != "/v1/models") continue;
    const auto models = adapter.decode_models(wanted.reply, endpoint);
    REQUIRE(std::holds_alternative<std::vector<ModelListing>>(models));
    CHECK_FALSE(std::get<std::vector<ModelListing>>(models).empty());
  }
}

}  // namespace

TEST_CASE("conformance: llama.cpp's server as an OpenAI") {
  check_recording("llama-server/chain.jsonl");
  check_recording("llama-server/toolcall.jsonl");
}

TEST_CASE("conformance: another server's idea of OpenAI") { check_recording("aimock/all.jsonl"); }
