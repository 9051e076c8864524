// SPDX-License-Identifier: Apache-2.0
// What other servers answered in Anthropic's, Google's and Ollama's words: recorded pairs, one a line.
#include <doctest/doctest.h>

#include "providers/fields.hpp"
#include "tests/conformance/provider_fixtures.hpp"

using namespace hillstar;
using namespace hillstar::conformance;
using namespace hillstar::providers;

namespace {

/// The adapter for the path of a recorded request, or nullptr.
const Adapter* adapter_for(std::string_view path) {
  if (path == "/v1/messages") return find_adapter("anthropic");
  if (path.find("enerateContent") != std::string_view::npos) return find_adapter("google");
  if (path == "/api/chat") return find_adapter("ollama");
  return nullptr;
}

void check_reply(const Outcome& outcome, bool calls) {
  const auto* failure = std::get_if<Failure>(&outcome);
  REQUIRE_MESSAGE(failure == nullptr, failure->message);
  const auto& reply = std::get<ModelReply>(outcome);
  CHECK(reply.text.empty() == calls);
  CHECK(reply.finish == (calls ? FinishKind::tool_calls : FinishKind::stop));
  REQUIRE(reply.tool_calls.size() == (calls ? 1 : 0));
  if (!calls) return;
  CHECK(reply.tool_calls[0].name == "get_weather");
  CHECK(reply.tool_calls[0].arguments.text() == R"({"city":"Oslo"})");
  CHECK_FALSE(reply.tool_calls[0].id.empty());
}

void check_recording(const std::string& name) {
  Endpoint endpoint;
  endpoint.key = Secret("test-key");
  std::size_t number = 0;
  for (const auto& pair : recorded_pairs(name)) {
    ProviderCase wanted;
    wanted.name = name + " line " + std::to_string(++number);
    const auto& reply = pair.at("response");
    wanted.reply.status = reply.at("status").to_number<unsigned>();
    const auto& body = reply.at("body");
    wanted.reply.body = body.is_string() ? std::string(body.get_string()) : boost::json::serialize(body);
    const auto path = text_member(&pair.at("request"), "path");
    if (path == "/v1/messages/count_tokens") {
      const auto count = find_adapter("anthropic")->decode_count(wanted.reply, endpoint);
      CHECK(std::holds_alternative<std::uint64_t>(count));
    }
    const auto* adapter = adapter_for(path);
    if (adapter == nullptr || wanted.reply.status != 200) continue;
    const bool calls = wanted.reply.body.find("get_weather") != std::string::npos;
    for_each_reading(*adapter, endpoint, wanted, [&](const Outcome& outcome) { check_reply(outcome, calls); });
  }
}

}  // namespace

TEST_CASE("conformance: llama.cpp's server as an Anthropic") {
  check_recording("llama-server/chain.jsonl");
  check_recording("llama-server/toolcall.jsonl");
}

TEST_CASE("conformance: another server's idea of Anthropic, Google and Ollama") { check_recording("aimock/all.jsonl"); }
