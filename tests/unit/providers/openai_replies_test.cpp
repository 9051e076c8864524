// SPDX-License-Identifier: Apache-2.0
// Replies of OpenAI's two APIs and of all that answer like them, good and bad.
#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <random>

#include "providers/adapter.hpp"
#include "tests/unit/providers/adapter_probe.hpp"

using namespace hillstar;
using namespace hillstar::providers;
using probe::endpoint;

namespace {

probe::Outcome outcome(const std::string& body, std::size_t piece = 0, const char* adapter = "openai") {
  return probe::outcome(adapter, body, piece, "x-request-id");
}

ModelReply reply_of(const std::string& body, std::size_t piece = 0) { return probe::reply_in(outcome(body, piece)); }

Failure failure_in(const std::string& body, std::size_t piece = 0) { return probe::failure_in(outcome(body, piece)); }

/// One event of a Responses stream, on one line.
std::string event(const std::string& type, std::string fields) {
  std::erase(fields, '\n');
  return "event: " + type + "\ndata: {\"type\":\"" + type + "\"," + fields + "}\n\n";
}

std::string chat(const std::string& message, const char* reason = "stop") {
  return R"({"id":"c1","choices":[{"message":)" + message + R"(,"finish_reason":")" + reason + "\"}]}";
}

std::string response(const std::string& output, const std::string& more = R"("status":"completed")") {
  return R"({"id":"resp_1","object":"response","model":"m","error":null,"output":)" + output + "," + more + "}";
}

}  // namespace

TEST_CASE("openai replies: tool calls are a good end, with or without text") {
  const auto reply = reply_of(chat(R"({"content":null,"tool_calls":[
      {"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},
      {"type":"function","function":{"name":"g","arguments":{"y":2}}},
      {"id":"","function":{"name":"h"}},
      {"id":"d","type":"custom","custom":{"name":"k","input":"free text"}}]})"));
  REQUIRE(reply.tool_calls.size() == 4);
  CHECK(reply.finish == FinishKind::tool_calls);
  CHECK(reply.finish_reason == "stop");
  CHECK(reply.text.empty());
  CHECK(reply.tool_calls[0].id == "a");
  CHECK(reply.tool_calls[1].arguments.text() == R"({"y":2})");
  CHECK(reply.tool_calls[1].id.size() == 9);
  CHECK(reply.tool_calls[2].id != reply.tool_calls[1].id);
  CHECK(reply.tool_calls[2].arguments.text() == "{}");
  CHECK(reply.tool_calls[3].arguments.text() == "\"free text\"");
  CHECK(reply_of(chat(R"({"content":"Wait.","function_call":{"name":"f","arguments":"{}"}})", "function_call"))
            .tool_calls.size() == 1);
  CHECK(reply_of(
            chat(R"({"content":"","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"x\":"}}]})", "length"))
            .finish == FinishKind::length);
  CHECK(failure_in(chat(R"({"content":"","tool_calls":[{"id":"a"}]})")).kind == FailureClass::empty_reply);
  std::string many;
  for (int i = 0; i < 257; ++i) many += std::string(i == 0 ? "" : ",") + R"({"function":{"name":"f"}})";
  CHECK(failure_in(chat(R"({"tool_calls":[)" + many + "]}")).kind == FailureClass::output_limit);
}

TEST_CASE("openai replies: blank lines before a reply keep the connection alive, and mean nothing") {
  const std::string blank(1000, '\n');
  for (std::size_t piece : {0, 1, 64, 100}) {
    CHECK(reply_of(blank + chat(R"({"content":"x"})"), piece).text == "x");
    CHECK(reply_of(blank + "data: " + chat(R"({"content":"x"})") + "\n\n", piece).text == "x");
    CHECK(failure_in(blank, piece).kind == FailureClass::malformed_reply);
  }
}

TEST_CASE("openai replies: a refusal is one, whatever stands beside it") {
  for (const char* message : {R"({"content":null,"refusal":"No."})", R"({"content":"{\"a\"","refusal":"No."})",
                              R"({"content":[{"type":"refusal","refusal":"No."}]})"}) {
    const auto failure = failure_in(chat(message));
    CHECK(failure.kind == FailureClass::refused);
    CHECK(failure.message.find("No.") != std::string::npos);
  }
  CHECK(failure_in(chat(R"({"content":""})", "content_filter")).kind == FailureClass::refused);
  CHECK(reply_of(chat(R"({"content":"So f"})", "content_filter")).finish == FinishKind::content_filter);
  CHECK(failure_in(response(R"([{"type":"message","content":[{"type":"refusal","refusal":"No."}]}])")).kind ==
        FailureClass::refused);
}

TEST_CASE("openai replies: ends in all their words") {
  CHECK(reply_of(chat(R"({"content":"x"})", "model_length")).finish == FinishKind::length);
  CHECK(reply_of(chat(R"({"content":"x"})", "eos")).finish == FinishKind::other);
  CHECK(failure_in(chat(R"({"content":"x"})", "error")).kind == FailureClass::server);
  CHECK(failure_in(R"({"choices":[{"error":{"code":502,"message":"upstream"},"message":{"content":""}}]})").kind ==
        FailureClass::server);
}

TEST_CASE("openai replies: a whole Responses reply") {
  const std::string items = R"([
    {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"One."},
      {"type":"summary_text","text":"Two."}],"encrypted_content":"gAAA"},
    {"type":"reasoning","id":"rs_2","summary":[]},
    {"type":"message","id":"msg_1","content":[{"type":"output_text","text":"4"},{"type":"output_text","text":"2 "}]},
    {"type":"web_search_call","id":"ws"},
    {"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{\"x\":1}"}])";
  const auto reply = reply_of(response(items, R"("status":"completed","usage":{"input_tokens":3,"output_tokens":4,
      "input_tokens_details":{"cached_tokens":2},"output_tokens_details":{"reasoning_tokens":1}})"));
  CHECK(reply.text == "42");
  CHECK(reply.reasoning == "One.\n\nTwo.");
  REQUIRE(reply.tool_calls.size() == 1);
  CHECK(reply.tool_calls[0].id == "call_1");
  CHECK(reply.finish == FinishKind::tool_calls);
  CHECK(reply.usage.input_tokens == 3);
  CHECK(reply.usage.cached_tokens == 2U);
  CHECK(reply.usage.reasoning_tokens == 1U);
  CHECK(reply.request_id == "req_1");
  const auto kept = reply.verbatim.value();
  CHECK(kept.at("adapter") == "openai_responses");
  REQUIRE(kept.at("content").as_array().size() == 4);
  CHECK(kept.at("content").at(0).at("encrypted_content") == "gAAA");
  CHECK(reply_of(response(R"([{"type":"message","content":[{"type":"output_text","text":"x"}]}])")).verbatim.is_null());
  CHECK(reply_of(R"({"output":[{"type":"message","content":"plain"}]})").text == "plain");
}

TEST_CASE("openai replies: how Responses end badly") {
  const std::string text = R"([{"type":"message","content":[{"type":"output_text","text":"So f"}]}])";
  const auto incomplete = [&](const char* reason, const std::string& output) {
    return outcome(
        response(output, R"("status":"incomplete","incomplete_details":{"reason":")" + std::string(reason) + "\"}"));
  };
  CHECK(std::get<ModelReply>(incomplete("max_output_tokens", text)).finish == FinishKind::length);
  CHECK(std::get<ModelReply>(incomplete("max_output_tokens", text)).finish_reason == "max_output_tokens");
  CHECK(std::get<ModelReply>(incomplete("content_filter", text)).finish == FinishKind::content_filter);
  CHECK(std::get<Failure>(incomplete("content_filter", "[]")).kind == FailureClass::refused);
  CHECK(std::get<Failure>(incomplete("max_output_tokens", "[]")).kind == FailureClass::empty_reply);
  for (const char* status : {"in_progress", "queued"})
    CHECK(failure_in(response("[]", R"("status":")" + std::string(status) + "\"")).kind ==
          FailureClass::malformed_reply);
  CHECK(failure_in(response("[]", R"("status":"cancelled")")).kind == FailureClass::server);
  const auto failed = [](const char* code) {
    return failure_in(R"({"object":"response","status":"failed","output":[],"error":{"code":")" + std::string(code) +
                      R"(","message":"why"}})");
  };
  CHECK(failed("server_error").kind == FailureClass::server);
  CHECK(failed("rate_limit_exceeded").kind == FailureClass::rate_limited);
  CHECK(failed("invalid_prompt").kind == FailureClass::invalid_request);
  CHECK(failed("image_too_large").kind == FailureClass::invalid_request);
  CHECK(failed("image_content_policy_violation").kind == FailureClass::refused);
  CHECK(failed("bio_policy").kind == FailureClass::refused);
  CHECK(failed("server_error").message.find("req_1") != std::string::npos);
}

TEST_CASE("openai replies: a Responses stream, in every size of piece") {
  const std::string stream =
      event("response.created", R"("response":{"id":"resp_1","model":"m","status":"in_progress"})") +
      event("response.output_item.added", R"("item":{"type":"reasoning","id":"rs","summary":[]})") +
      event("response.reasoning_summary_part.added", R"("item_id":"rs")") +
      event("response.reasoning_summary_text.delta", R"("item_id":"rs","delta":"hm")") +
      event("response.reasoning_summary_part.added", R"("item_id":"rs")") +
      event("response.reasoning_summary_text.delta", R"("item_id":"rs","delta":"so")") +
      event("response.output_text.delta", R"("delta":"Hello","obfuscation":"xx")") +
      event("response.some_new_thing", R"("delta":"nothing")") +
      event("response.output_text.delta", R"("delta":" w")") +
      event("response.output_item.added", R"("item":{"type":"function_call","id":"fc","call_id":"c","name":"f",
                                            "arguments":""})") +
      event("response.function_call_arguments.delta", R"("item_id":"fc","delta":"{\"x\"")") +
      event("response.function_call_arguments.delta", R"("delta":":1}")");
  const std::string end = event("response.completed", R"("response":{"status":"completed",
                                 "usage":{"input_tokens":1,"output_tokens":2}})");
  for (std::size_t piece : {0, 1, 3, 64, 9000}) {
    const auto reply = reply_of(stream + end, piece);
    CHECK(reply.text == "Hello w");
    CHECK(reply.reasoning == "hm\n\nso");
    REQUIRE(reply.tool_calls.size() == 1);
    CHECK(reply.tool_calls[0].id == "c");
    CHECK(reply.tool_calls[0].arguments.text() == R"({"x":1})");
    CHECK(reply.usage.output_tokens == 2);
    CHECK(failure_in(stream, piece).kind == FailureClass::network);
    const auto failed = failure_in(stream + event("response.failed", R"("response":{"status":"failed",
                                                   "error":{"code":"server_error","message":"why"}})"),
                                   piece);
    CHECK(failed.kind == FailureClass::server);
    CHECK(failure_in(stream + event("error", R"("code":"rate_limit_exceeded","message":"slow")"), piece).kind ==
          FailureClass::rate_limited);
  }
  const auto cut = outcome(
      stream + event("response.incomplete", R"("response":{"incomplete_details":{"reason":"max_output_tokens"}})"));
  CHECK(std::get<ModelReply>(cut).finish == FinishKind::length);
}

TEST_CASE("openai replies: Responses streams that leave things out") {
  const auto done = event("response.completed", R"("response":{})");
  const auto item =
      event("response.output_item.done", R"("item":{"type":"message","content":[{"type":"output_text","text":"x"}]})");
  CHECK(reply_of(item + done).text == "x");
  CHECK(reply_of(event("response.output_item.added", R"("item":{"type":"message","content":[]})") +
                 event("response.output_text.delta", R"("delta":"x")") + item + done)
            .text == "x");
  CHECK(reply_of("data: {\"type\":\"response.output_text.delta\",\"delta\":\"x\"}\n\n" + done).text == "x");
  CHECK(failure_in(event("response.refusal.delta", R"("delta":"No.")") + done).message.find("No.") !=
        std::string::npos);
  CHECK(failure_in(done).kind == FailureClass::empty_reply);
  CHECK(failure_in(event("response.completed", R"("response":null)")).kind == FailureClass::empty_reply);
}

TEST_CASE("openai replies: vectors and models that are none") {
  const auto embedding = [](const char* body) {
    HttpReply reply;
    reply.status = 200;
    reply.body = body;
    return find_adapter("openai")->decode_embedding(reply, endpoint());
  };
  const auto mixed = embedding(R"({"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":[1.5]}]})");
  CHECK(std::get<EmbeddingReply>(mixed).vectors.text() == "[[1.5],[2]]");
  CHECK(std::get<EmbeddingReply>(embedding(R"({"data":[{"embedding":[2]},{"embedding":[1]}]})")).vectors.text() ==
        "[[2],[1]]");
  for (const char* body : {"", "[]", "{}", R"({"data":[]})", R"({"data":[{}]})", R"({"data":[{"embedding":[]}]})",
                           R"({"data":[{"embedding":["x"]}]})", R"({"data":[{"embedding":"AAAA"}]})",
                           R"({"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]})",
                           R"({"data":[{"index":5,"embedding":[1]}]})"}) {
    CAPTURE(body);
    CHECK(std::get<Failure>(embedding(body)).kind == FailureClass::malformed_reply);
  }
  HttpReply reply;
  reply.status = 200;
  reply.body = R"({"data":[{"id":"a","max_model_len":8192},{"id":"b","meta":{"n_ctx":2048,"n_ctx_train":4096}},{"x":1},
                  {"name":"c","context_length":-1}]})";
  const auto models =
      std::get<std::vector<ModelListing>>(find_adapter("openai_compatible")->decode_models(reply, endpoint()));
  REQUIRE(models.size() == 3);
  CHECK(models[0].context_tokens == 8192U);
  CHECK(models[1].context_tokens == 2048U);
  CHECK(models[2].id == "c");
  CHECK_FALSE(models[2].context_tokens.has_value());
  reply.body = R"([{"id":"bare"}])";
  CHECK(std::get<std::vector<ModelListing>>(find_adapter("mistral")->decode_models(reply, endpoint())).size() == 1);
  for (const char* body : {"", "{}", "5", "<html>"}) {
    reply.body = body;
    CHECK(std::get<Failure>(find_adapter("openai")->decode_models(reply, endpoint())).kind ==
          FailureClass::malformed_reply);
  }
  reply.status = 401;
  reply.body = R"({"detail":"wrong canary-key"})";
  const auto failed = std::get<Failure>(find_adapter("mistral")->decode_models(reply, endpoint()));
  CHECK(failed.kind == FailureClass::auth);
  CHECK(failed.message.find("canary") == std::string::npos);
}

TEST_CASE("openai replies: damaged streams end in a reply or a failure") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 dice(seed);
  const std::string good =
      event("response.output_item.added", R"("item":{"type":"function_call","id":"fc","call_id":"c","name":"f"})") +
      event("response.function_call_arguments.delta", R"("item_id":"fc","delta":"{}")") +
      event("response.completed", R"("response":{"output":[{"type":"message","content":[{"text":"x"}]}]})");
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = good;
    for (int hit = 0; hit < 3; ++hit) bytes[dice() % bytes.size()] = static_cast<char>(dice() % 256);
    bytes.resize(dice() % (bytes.size() + 1));
    CHECK(outcome(bytes, 1 + dice() % 40).index() < 2);
  }
}
