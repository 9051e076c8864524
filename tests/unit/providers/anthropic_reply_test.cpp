// SPDX-License-Identifier: Apache-2.0
#include "providers/anthropic.hpp"

#include <algorithm>
#include <string>

#include "tests/unit/providers/adapter_probe.hpp"

using namespace hillstar;
using namespace hillstar::providers;
using namespace hillstar::providers::probe;

namespace {

constexpr const char* kName = "anthropic";
constexpr const char* kOllama = "anthropic_ollama";

std::string event(const std::string& type, std::string fields) {
  fields.erase(std::remove(fields.begin(), fields.end(), '\n'), fields.end());
  return "event: " + type + "\ndata: {\"type\":\"" + type + "\"" + (fields.empty() ? "" : ",") + fields + "}\n\n";
}

std::string whole(const std::string& content, const std::string& reason, const std::string& more = {}) {
  return R"({"type":"message","id":"msg_1","content":)" + content + R"(,"stop_reason":")" + reason + "\"" + more + "}";
}

}  // namespace

TEST_CASE("anthropic: thinking comes back as it was written, with its signature, streamed or not") {
  const std::string stream =
      event("message_start", R"("message":{"id":"msg_1","model":"m-1","content":[],"usage":{"input_tokens":5}})") +
      event("content_block_start", R"("index":0,"content_block":{"type":"thinking","thinking":"","signature":""})") +
      event("content_block_delta", R"("index":0,"delta":{"type":"thinking_delta","thinking":"Hm"})") +
      event("ping", "") +
      event("content_block_delta", R"("index":0,"delta":{"type":"thinking_delta","thinking":"m."})") +
      event("content_block_delta", R"("index":0,"delta":{"type":"signature_delta","signature":"Sg=="})") +
      event("content_block_stop", R"("index":0)") +
      event("content_block_start", R"("index":1,"content_block":{"type":"redacted_thinking","data":"X"})") +
      event("content_block_start", R"("index":2,"content_block":{"type":"text","text":""})") +
      event("content_block_delta", R"("index":2,"delta":{"type":"text_delta","text":"I look."})") +
      event("content_block_start",
            R"("index":3,"content_block":{"type":"tool_use","id":"t1","name":"now","input":{}})") +
      event("unheard_of", R"("index":3)") +
      event("message_delta", R"("delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9,
          "cache_creation_input_tokens":30,"cache_read_input_tokens":200,
          "output_tokens_details":{"thinking_tokens":4}})") +
      event("message_stop", "");
  const auto reply = reply_of(kName, stream);
  CHECK(reply.text == "I look.");
  CHECK(reply.reasoning == "Hmm.");
  CHECK(reply.finish == FinishKind::tool_calls);
  CHECK(reply.request_id == "req_1");
  CHECK(reply.model == "m-1");
  REQUIRE(reply.tool_calls.size() == 1);
  CHECK(reply.tool_calls[0].arguments == json_of("{}"));
  CHECK(reply.usage.input_tokens == 235);
  CHECK(reply.usage.output_tokens == 9);
  CHECK(reply.usage.cached_tokens == 200U);
  CHECK(reply.usage.cache_write_tokens == 30U);
  CHECK(reply.usage.reasoning_tokens == 4U);
  const auto content =
      R"([{"type":"thinking","thinking":"Hmm.","signature":"Sg=="},{"type":"redacted_thinking","data":"X"},
      {"type":"text","text":"I look."},{"type":"tool_use","id":"t1","name":"now","input":{}}])";
  CHECK(reply.verbatim == json_of(R"({"adapter":"anthropic","content":)" + std::string(content) + "}"));

  auto request = asked("");
  request.messages = {turn(ModelRole::user, "q"), turn(ModelRole::assistant, reply.text),
                      turn(ModelRole::tool, "noon")};
  request.messages[1].tool_calls = reply.tool_calls;
  request.messages[1].verbatim = reply.verbatim;
  request.messages[2].tool_call_id = "t1";
  const auto messages = json_of(field(kName, request, "messages")).value();
  CHECK(Json::of(messages.at(1).at("content")) == json_of(content));
  // Another service cannot read it, and gets what can be said without it.
  const auto elsewhere = json_of(field(kOllama, request, "messages")).value();
  CHECK(elsewhere.at(1).at("content").as_array().size() == 2);
}

TEST_CASE("anthropic: arguments in pieces, broken, cut or missing") {
  const auto call = [](const std::string& pieces, const std::string& reason) {
    return reply_of(kName, event("message_start", R"("message":{"id":"msg_1"})") +
                               event("content_block_start",
                                     R"("index":0,"content_block":{"type":"tool_use","name":"f","input":{}})") +
                               pieces + event("message_delta", R"("delta":{"stop_reason":")" + reason + "\"}"));
  };
  const auto piece = [](const std::string& text) {
    return event("content_block_delta", R"("index":0,"delta":{"type":"input_json_delta","partial_json":)" +
                                            json::canonical(boost::json::value(text)) + "}");
  };
  CHECK(call("", "tool_use").tool_calls.at(0).arguments == json_of("{}"));
  CHECK(call(piece(""), "tool_use").tool_calls.at(0).arguments == json_of("{}"));
  CHECK(call(piece("") + piece("{\"a\"") + piece(":1}"), "tool_use").tool_calls.at(0).arguments ==
        json_of(R"({"a":1})"));
  CHECK_FALSE(call("", "tool_use").tool_calls.at(0).id.empty());
  const auto cut = call(piece("{\"a\":"), "max_tokens");
  CHECK(cut.tool_calls.at(0).arguments == Json::string("{\"a\":"));
  CHECK(cut.finish == FinishKind::length);
}

TEST_CASE("anthropic: how replies end") {
  const std::string text = R"([{"type":"text","text":"x"}])";
  CHECK(reply_of(kName, whole(text, "end_turn")).finish == FinishKind::stop);
  CHECK(reply_of(kName, whole(text, "stop_sequence")).finish == FinishKind::stop);
  CHECK(reply_of(kName, whole(text, "max_tokens")).finish == FinishKind::length);
  CHECK(reply_of(kName, whole(text, "model_context_window_exceeded")).finish == FinishKind::length);
  CHECK(reply_of(kName, whole(text, "new_reason")).finish == FinishKind::other);
  const auto paused =
      reply_of(kName, whole(R"([{"type":"server_tool_use","id":"s","name":"web_search","input":{}}])", "pause_turn"));
  CHECK(paused.finish == FinishKind::other);
  CHECK(paused.finish_reason == "pause_turn");
  CHECK_FALSE(paused.verbatim.is_null());
  CHECK(reply_of(kName, whole(text, "end_turn")).verbatim.is_null());
  CHECK(failure_in(kName, whole("[]", "model_context_window_exceeded")).kind == FailureClass::context_too_long);
  CHECK(failure_in(kName, whole("[]", "end_turn")).kind == FailureClass::empty_reply);
  CHECK(failure_in(kName, whole("[]", "max_tokens")).message.find("max_tokens") != std::string::npos);
  const auto refused = failure_in(
      kName,
      whole(text, "refusal", R"(,"stop_details":{"type":"refusal","category":"bio","explanation":"Not this."})"));
  CHECK(refused.kind == FailureClass::refused);
  CHECK(refused.message == "The model refused (bio): Not this. (request req_1)");
}

TEST_CASE("anthropic: errors after a beginning, and streams that stop") {
  const auto error = [](const char* type) {
    return failure_in(kName, event("message_start", R"("message":{"id":"msg_1"})") +
                                 event("error", R"("error":{"type":")" + std::string(type) + R"(","message":"m"})"))
        .kind;
  };
  CHECK(error("overloaded_error") == FailureClass::overloaded);
  CHECK(error("rate_limit_error") == FailureClass::rate_limited);
  CHECK(error("api_error") == FailureClass::server);
  CHECK(error("timeout_error") == FailureClass::timeout);
  CHECK(error("authentication_error") == FailureClass::auth);
  CHECK(error("billing_error") == FailureClass::quota);
  CHECK(error("invalid_request_error") == FailureClass::invalid_request);
  CHECK(error("not_found_error") == FailureClass::invalid_request);
  CHECK(error("request_too_large") == FailureClass::context_too_long);
  CHECK(failure_in(kName, event("message_start", R"("message":{})")).kind == FailureClass::network);
  CHECK(failure_in(kName, R"({"type":"error","error":{"type":"api_error","message":"m"}})").kind ==
        FailureClass::server);
  std::string many = event("message_start", R"("message":{})");
  for (int i = 0; i < 5'000; ++i) many += event("content_block_start", R"("index":0,"content_block":{"type":"text"})");
  CHECK(failure_in(kName, many).kind == FailureClass::output_limit);
}

TEST_CASE("anthropic: models and counts") {
  const auto* adapter = find_adapter("anthropic");
  CHECK(adapter->encode_models(endpoint())->url == "https://h/v1/models?limit=1000");
  HttpReply reply;
  reply.status = 200;
  reply.body = R"({"data":[{"id":"a","max_input_tokens":200000},{"id":7},{"id":"b"}],"has_more":false})";
  const auto models = std::get<0>(adapter->decode_models(reply, endpoint()));
  REQUIRE(models.size() == 2);
  CHECK(models[0].context_tokens == 200'000U);
  reply.body = R"({"input_tokens":-1})";
  CHECK(std::get<Failure>(adapter->decode_count(reply, endpoint())).kind == FailureClass::malformed_reply);
  CHECK(std::get<Failure>(adapter->decode_models(reply, endpoint())).kind == FailureClass::malformed_reply);
  reply.status = 401;
  CHECK(std::get<Failure>(adapter->decode_models(reply, endpoint())).kind == FailureClass::auth);
  auto request = asked();
  request.extra = json_of(R"({"metadata":{}})");
  request.system = "s";
  const auto http = adapter->encode_count(request, endpoint());
  REQUIRE(http.has_value());
  CHECK(json_of(http->body) == json_of(R"({"model":"m","system":"s","messages":[{"role":"user","content":"p"}]})"));
}
