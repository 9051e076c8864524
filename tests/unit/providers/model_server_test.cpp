// SPDX-License-Identifier: Apache-2.0
// The adapter and the transport against a real inference server. Needs one: tests/support/model_server/ starts it, and
// HILLSTAR_TEST_MODEL_URL and HILLSTAR_TEST_MODEL_KEY name it. Without them the cases say so and pass.
#include <doctest/doctest.h>

#include <cstdlib>
#include <functional>
#include <future>
#include <optional>
#include <string>

#include "providers/adapter.hpp"
#include "runtime/policy/reply_schema.hpp"

using namespace hillstar;
using namespace hillstar::providers;

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::optional<Endpoint> model_server(bool stream) {
  Endpoint endpoint;
  endpoint.base_url = variable("HILLSTAR_TEST_MODEL_URL");
  endpoint.key = Secret(variable("HILLSTAR_TEST_MODEL_KEY"));
  endpoint.stream = stream;
  if (!endpoint.base_url.empty()) return endpoint;
  MESSAGE("skipped: HILLSTAR_TEST_MODEL_URL is not set");
  return std::nullopt;
}

ModelRequest question(std::string prompt) {
  ModelRequest request;
  request.model = "tiny";
  request.prompt = std::move(prompt);
  request.max_tokens = 32;
  request.temperature = Json::from_canonical("0");
  return request;
}

struct Answer {
  std::variant<ModelReply, Failure> result;
  std::string streamed;
  int chunks = 0;
};

HttpOutcome outcome_of(HttpRequest http, std::function<void(std::string_view)> on_body = {}) {
  const auto transport = make_beast_transport();
  std::promise<HttpOutcome> done;
  HttpCallbacks callbacks;
  callbacks.on_body = std::move(on_body);
  callbacks.done = [&](HttpOutcome outcome) { done.set_value(std::move(outcome)); };
  transport->send(std::move(http), std::move(callbacks));
  return done.get_future().get();
}

Answer ask(const Endpoint& endpoint, const ModelRequest& request, const char* name = "openai_compatible") {
  const Adapter* adapter = find_adapter(name);
  auto http = adapter->encode(request, endpoint);
  REQUIRE(http.has_value());
  const auto reader = adapter->reader(endpoint);
  Answer answer;
  std::function<void(std::string_view)> on_body;
  if (endpoint.stream)
    on_body = [&](std::string_view bytes) {
      const auto chunk = reader->feed(bytes);
      if (!chunk.text.empty()) ++answer.chunks;
      answer.streamed += chunk.text;
    };
  answer.result = reader->finish(outcome_of(*std::move(http), on_body));
  return answer;
}

}  // namespace

TEST_CASE("model server: answers whole and streamed, with usage") {
  for (const bool stream : {false, true}) {
    const auto endpoint = model_server(stream);
    if (!endpoint) return;
    const auto answer = ask(*endpoint, question("hi"));
    if (const auto* failure = std::get_if<Failure>(&answer.result)) FAIL(failure->message);
    const auto& reply = std::get<ModelReply>(answer.result);
    CHECK(reply.text == "Hello from the tiny model .");
    CHECK(reply.finish_reason == "stop");
    CHECK(reply.model == "tiny");
    CHECK_FALSE(reply.fingerprint.empty());
    CHECK_FALSE(reply.request_id.empty());
    CHECK(reply.usage.output_tokens == 7);
    CHECK(reply.usage.input_tokens > 0);
    CHECK((answer.chunks > 3) == stream);
    if (stream) CHECK(answer.streamed == reply.text);
  }
}

TEST_CASE("model server: answers by Responses, too, and to a conversation") {
  for (const bool stream : {false, true}) {
    const auto endpoint = model_server(stream);
    if (!endpoint) return;
    auto request = question("hi");
    request.system = "Be brief.";
    request.messages.resize(2);
    request.messages[0].text = "hello";
    request.messages[1].role = ModelRole::assistant;
    request.messages[1].text = "Hello.";
    for (const char* adapter : {"openai_responses", "openai_compatible"}) {
      const auto answer = ask(*endpoint, request, adapter);
      if (const auto* failure = std::get_if<Failure>(&answer.result)) FAIL(failure->message);
      const auto& reply = std::get<ModelReply>(answer.result);
      CHECK(reply.text == "Hello from the tiny model .");
      CHECK(reply.finish == FinishKind::stop);
      CHECK(reply.usage.output_tokens == 7);
      CHECK((answer.chunks > 3) == stream);
      if (stream) CHECK(answer.streamed == reply.text);
    }
  }
}

TEST_CASE("model server: keeps to a schema, beside tools and their answers") {
  for (const bool stream : {false, true}) {
    const auto endpoint = model_server(stream);
    if (!endpoint) return;
    auto request = question("In JSON?");
    request.max_tokens = 200;
    request.messages.resize(3);
    request.messages[0].text = "How heavy is S1?";
    request.messages[1].role = ModelRole::assistant;
    request.messages[1].tool_calls.push_back({"c1", "weigh", Json::from_canonical(R"({"sample":"S1"})")});
    request.messages[2].role = ModelRole::tool;
    request.messages[2].tool_call_id = "c1";
    request.messages[2].text = "1 g";
    request.format = ReplyFormat::json_schema;
    request.schema = Json::from_canonical(
        R"({"additionalProperties":false,"properties":{"known":{"type":"boolean"},"n":{"maximum":9,"minimum":0,)"
        R"("type":"integer"}},"required":["known","n"],"type":"object"})");
    const auto answer = ask(*endpoint, request);
    if (const auto* failure = std::get_if<Failure>(&answer.result)) FAIL(failure->message);
    const auto read = policy::read_json_reply(request, std::get<ModelReply>(answer.result));
    CHECK_MESSAGE(read.problem.empty(), read.problem);
    CHECK(read.json.text().find("known") != std::string::npos);
  }
}

TEST_CASE("model server: answers by Messages, too, and counts tokens") {
  for (const bool stream : {false, true}) {
    auto endpoint = model_server(stream);
    if (!endpoint) return;
    endpoint->api_version = "2023-06-01";
    auto request = question("hi");
    request.system = "Be brief.";
    const auto answer = ask(*endpoint, request, "anthropic");
    if (const auto* failure = std::get_if<Failure>(&answer.result)) FAIL(failure->message);
    const auto& reply = std::get<ModelReply>(answer.result);
    CHECK(reply.text == "Hello from the tiny model .");
    CHECK(reply.finish == FinishKind::stop);
    CHECK(reply.usage.output_tokens == 7);
    CHECK(reply.usage.input_tokens > 0);
    CHECK((answer.chunks > 3) == stream);
    if (stream) CHECK(answer.streamed == reply.text);
    const auto* adapter = find_adapter("anthropic");
    auto count = adapter->encode_count(request, *endpoint);
    REQUIRE(count.has_value());
    const auto counted = outcome_of(*std::move(count));
    REQUIRE(std::holds_alternative<HttpReply>(counted));
    const auto tokens = adapter->decode_count(std::get<HttpReply>(counted), *endpoint);
    REQUIRE(std::holds_alternative<std::uint64_t>(tokens));
    CHECK(std::get<std::uint64_t>(tokens) == reply.usage.input_tokens);
  }
}

TEST_CASE("model server: lists its model and how much that reads") {
  const auto endpoint = model_server(false);
  if (!endpoint) return;
  const Adapter* adapter = find_adapter("openai_compatible");
  auto http = adapter->encode_models(*endpoint);
  REQUIRE(http.has_value());
  const auto outcome = outcome_of(*std::move(http));
  REQUIRE(std::holds_alternative<HttpReply>(outcome));
  const auto models = adapter->decode_models(std::get<HttpReply>(outcome), *endpoint);
  REQUIRE(std::holds_alternative<std::vector<ModelListing>>(models));
  const auto& list = std::get<std::vector<ModelListing>>(models);
  REQUIRE(list.size() == 1);
  CHECK(list[0].id == "tiny");
  CHECK(list[0].context_tokens.value_or(0) > 0);
}

TEST_CASE("model server: a limit on tokens ends the reply with its reason") {
  const auto endpoint = model_server(true);
  if (!endpoint) return;
  auto request = question("hi");
  request.max_tokens = 2;
  const auto answer = ask(*endpoint, request);
  REQUIRE(std::holds_alternative<ModelReply>(answer.result));
  CHECK(std::get<ModelReply>(answer.result).text == "Hello from");
  CHECK(std::get<ModelReply>(answer.result).finish_reason == "length");
}

TEST_CASE("model server: a wrong key and a prompt that is too long are failures of their own class") {
  auto endpoint = model_server(true);
  if (!endpoint) return;
  std::string long_prompt;
  for (int i = 0; i < 5000; ++i) long_prompt += "ab ";
  const auto overflow = ask(*endpoint, question(long_prompt));
  REQUIRE(std::holds_alternative<Failure>(overflow.result));
  CHECK(std::get<Failure>(overflow.result).kind == FailureClass::context_too_long);
  if (endpoint->key.empty()) return;
  endpoint->key = Secret("wrong-key");
  const auto refused = ask(*endpoint, question("hi"));
  REQUIRE(std::holds_alternative<Failure>(refused.result));
  const auto& failure = std::get<Failure>(refused.result);
  CHECK(failure.kind == FailureClass::auth);
  CHECK(failure.message.find("wrong-key") == std::string::npos);
  MESSAGE(failure.message);
  MESSAGE(std::get<Failure>(overflow.result).message);
}
