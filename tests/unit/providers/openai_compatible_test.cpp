// SPDX-License-Identifier: Apache-2.0
#include "providers/adapter.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <random>
#include <string>

#include "messages/json.hpp"
#include "tests/unit/providers/adapter_probe.hpp"

using namespace hillstar;
using namespace hillstar::providers;
using probe::json_of;

namespace {

Endpoint endpoint(bool stream = false) {
  auto made = probe::endpoint();
  made.base_url = "http://127.0.0.1:8080";
  made.stream = stream;
  return made;
}

HttpReply ok(std::string body = {}) { return probe::ok(std::move(body), "x-request-id"); }

probe::Outcome outcome(const std::string& body, std::size_t piece = 0) {
  return probe::outcome("openai_compatible", body, piece, "x-request-id");
}

ModelReply reply_of(const std::string& body, std::size_t piece = 0) { return probe::reply_in(outcome(body, piece)); }

Failure failure_in(const std::string& body, std::size_t piece = 0) { return probe::failure_in(outcome(body, piece)); }

std::string content(const std::string& json_text) {
  return R"({"choices":[{"message":{"content":)" + json_text + R"(},"finish_reason":"stop"}]})";
}

std::string delta(const std::string& fields, const std::string& more = "") {
  return R"(data: {"id":"c1","model":"m-1","system_fingerprint":"fp","choices":[{"index":0,"delta":{)" + fields + "}" +
         more + "}]}\n\n";
}

std::string body_of(const ModelRequest& request, const Endpoint& to, const char* adapter = "openai_compatible") {
  auto http = find_adapter(adapter)->encode(request, to);
  if (!http) FAIL(to_string(http.error()));
  return http->body;
}

}  // namespace

TEST_CASE("openai adapter: the request has Hillstar's shape") {
  ModelRequest request;
  request.model = "router-planner";
  request.system = "You plan";
  request.prompt = "Plan it";
  request.max_tokens = 128;
  request.temperature = json_of("0.4");
  request.extra = json_of(R"({"reasoning_effort":"high","thinking":{"type":"enabled"},
                              "chat_template_kwargs":{"enable_thinking":true}})");
  const auto http = find_adapter("openai_compatible")->encode(request, endpoint());
  REQUIRE(http.has_value());
  CHECK(http->method == "POST");
  CHECK(http->url == "http://127.0.0.1:8080/v1/chat/completions");
  CHECK(http->bearer.reveal() == "canary-key");
  CHECK(http->body.find("canary") == std::string::npos);
  CHECK(json_of(http->body) == json_of(R"({"model":"router-planner","messages":[{"role":"system","content":"You plan"},
      {"role":"user","content":"Plan it"}],"temperature":0.4,"max_tokens":128,"reasoning_effort":"high",
      "thinking":{"type":"enabled"},"chat_template_kwargs":{"enable_thinking":true}})"));

  request = {};
  request.model = "router-reviewer-us";
  request.prompt = "Review: reply to: Plan it";
  request.max_tokens = 4096;
  request.temperature = Json::from_canonical("7.3e-07");
  CHECK(body_of(request, endpoint()) ==
        R"({"model":"router-reviewer-us","messages":[{"role":"user","content":"Review: reply to: Plan it"}],)"
        R"("temperature":7.3e-07,"max_tokens":4096})");
}

TEST_CASE("openai adapter: streaming asks for usage, and OpenAI gets its own name for the limit") {
  ModelRequest request;
  request.prompt = "p";
  request.max_tokens = 4096;
  CHECK(json_of(body_of(request, endpoint(true))) ==
        json_of(R"({"model":"","messages":[{"role":"user","content":"p"}],"max_tokens":4096,"stream":true,
                    "stream_options":{"include_usage":true}})"));
  CHECK(body_of(request, endpoint(), "openai").find(R"("max_completion_tokens":4096)") != std::string::npos);
  CHECK(find_adapter("nobody") == nullptr);
}

TEST_CASE("openai adapter: extra fields cannot change what the request decides") {
  ModelRequest request;
  request.prompt = "p";
  request.max_tokens = 4096;
  request.extra = json_of(
      R"({"model":"x","messages":[],"stream":true,"n":1,"max_tokens":1,"max_completion_tokens":2,
                              "seed":7,"stop":["a"]})");
  CHECK(
      json_of(body_of(request, endpoint())) ==
      json_of(
          R"({"model":"","messages":[{"role":"user","content":"p"}],"max_tokens":4096,"n":1,"seed":7,"stop":["a"]})"));
  request.extra = json_of(R"({"n":2})");
  CHECK(find_adapter("openai_compatible")->encode(request, endpoint()).error().where == "/n");
  request.extra = json_of("[1]");
  CHECK_FALSE(find_adapter("openai_compatible")->encode(request, endpoint()).has_value());
  Endpoint bad = endpoint();
  bad.base_url = "ftp://h";
  CHECK_FALSE(find_adapter("openai_compatible")->encode({}, bad).has_value());
}

TEST_CASE("openai adapter: malformed UTF-8 and quotes in a prompt stay valid JSON") {
  ModelRequest request;
  request.prompt = "a\"\\\n\xFF\x01";
  CHECK(json::parse(body_of(request, endpoint())).has_value());
}

TEST_CASE("openai adapter: a whole reply") {
  const auto reply = reply_of(R"({"id":"c1","model":"m-1","system_fingerprint":"fp","choices":[{"index":0,
      "message":{"role":"assistant","content":"  42\n","reasoning_content":"hm","refusal":null},
      "finish_reason":"stop"}],
      "usage":{"prompt_tokens":30,"completion_tokens":70,"total_tokens":100,
      "prompt_tokens_details":{"cached_tokens":16},
      "completion_tokens_details":{"reasoning_tokens":64}},"unknown":{"x":[1]}})");
  CHECK(reply.text == "42");
  CHECK(reply.model == "m-1");
  CHECK(reply.finish_reason == "stop");
  CHECK(reply.request_id == "req_1");
  CHECK(reply.fingerprint == "fp");
  CHECK(reply.reasoning == "hm");
  CHECK(reply.usage.input_tokens == 30);
  CHECK(reply.usage.output_tokens == 70);
  CHECK(reply.usage.cached_tokens == 16U);
  CHECK(reply.usage.reasoning_tokens == 64U);
}

TEST_CASE("openai adapter: a reply with next to nothing in it is enough") {
  const auto reply = reply_of(R"({"choices":[{"message":{"content":"x"}}]})");
  CHECK(reply.text == "x");
  CHECK(reply.usage == Usage{});
  CHECK_FALSE(reply.reasoning);
  CHECK(reply_of(content(R"([{"type":"thinking","thinking":[{"type":"text","text":"t"}]},{"type":"text","text":"a"}])"))
            .text == "a");
  CHECK(reply_of(content(R"("\u3000a\u00a0b\u2003")")).text ==
        "a\xC2\xA0"
        "b");
}

TEST_CASE("openai adapter: counts that cannot be are ignored") {
  const auto usage = [](const std::string& count) {
    return reply_of(R"({"choices":[{"message":{"content":"x"}}],"usage":{"prompt_tokens":)" + count + "}}")
        .usage.input_tokens;
  };
  CHECK(usage("5") == 5);
  CHECK(usage("5.0") == 5);
  for (const char* count : {"-5", "1e21", "-1e21", "1.5", "\"5\"", "null", "[]", "9007199254740993", "1000000001"})
    CHECK(usage(count) == 0);
  CHECK(usage("1000000000") == 1'000'000'000);
  CHECK(reply_of(R"({"choices":[{"message":{"content":"x"}}],"usage":[]})").usage == Usage{});
}

TEST_CASE("openai adapter: replies without text say why") {
  const std::string none = "model response contained no text content";
  for (const char* text : {"null", "\"\"", "\" \\n\\t\"", "5", "{}", "[]"}) {
    CAPTURE(text);
    const auto failure = failure_in(content(text));
    CHECK(failure.kind == FailureClass::empty_reply);
    CHECK(failure.message.starts_with(none));
  }
  for (const char* body :
       {R"({"choices":[]})", R"({})", R"({"choices":null})", R"({"choices":{}})", R"({"choices":[null]})"})
    CHECK(failure_in(body).kind == FailureClass::empty_reply);
  const auto refusal =
      failure_in(R"({"choices":[{"message":{"content":null,"refusal":"I can't."},"finish_reason":"stop"}]})");
  CHECK(refusal.kind == FailureClass::refused);
  CHECK(refusal.message == "The model refused: I can't.");
  CHECK(failure_in(R"({"choices":[{"message":{"content":""},"finish_reason":"content_filter"}]})").kind ==
        FailureClass::refused);
  CHECK(failure_in(R"({"choices":[{"message":{"content":""},"finish_reason":"length"}]})").message.find("length") !=
        std::string::npos);
}

TEST_CASE("openai adapter: what is no reply is malformed") {
  for (const char* body : {"", "  ", "<html>hello</html>", "[1]", "{", R"({"a":NaN})", R"({"choices":[]}{})",
                           "\xFF\xFE", R"({"choices":[],"choices":[]})", "null", "true"}) {
    CAPTURE(body);
    CHECK(failure_in(body).kind == FailureClass::malformed_reply);
  }
  CHECK(failure_in(std::string(100'000, '[')).kind == FailureClass::malformed_reply);
  CHECK(failure_in(R"({"error":{"message":"loading","code":503}})").kind == FailureClass::overloaded);
  HttpReply failed;
  failed.status = 401;
  failed.body = R"({"error":{"message":"wrong canary-key"}})";
  const auto reader = find_adapter("openai_compatible")->reader(endpoint());
  const auto refused = std::get<Failure>(reader->finish(failed));
  CHECK(refused.kind == FailureClass::auth);
  CHECK(refused.message.find("canary") == std::string::npos);
}

TEST_CASE("openai adapter: a stream, in every size of piece") {
  const std::string stream =
      ": hi\n\n" + delta(R"("role":"assistant","content":null)") + delta(R"("reasoning_content":"hm")") +
      delta(R"("content":"Hello")") + delta(R"("content":" w\u00f6rld ")", R"(,"finish_reason":null)") +
      delta("", R"(,"finish_reason":"stop")") +
      "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n";
  for (std::size_t piece : {0, 1, 2, 3, 7, 64, 5000}) {
    const auto reply = reply_of(stream, piece);
    CHECK(reply.text == "Hello w\xC3\xB6rld");
    CHECK(reply.model == "m-1");
    CHECK(reply.finish_reason == "stop");
    CHECK(reply.fingerprint == "fp");
    CHECK(reply.reasoning == "hm");
    CHECK(reply.usage.input_tokens == 3);
    CHECK(reply.usage.output_tokens == 2);
  }
}

TEST_CASE("openai adapter: chunks carry the text as it comes") {
  const auto reader = find_adapter("openai_compatible")->reader(endpoint(true));
  CHECK(reader->feed("data: {\"choices\":[{\"delta\":{\"content\":\"He").text.empty());
  CHECK(reader->feed("llo\"}}]}\n\n").text == "Hello");
  CHECK(reader->feed(delta(R"("reasoning":"hm")")).reasoning == "hm");
  CHECK(reader->partial() == "Hello");
}

TEST_CASE(
    "openai adapter: a stream that ends early fails and keeps what came; after its last event it may end anyhow") {
  const auto cut = find_adapter("openai_compatible")->reader(endpoint(true));
  cut->feed(delta(R"("content":"Hel")"));
  const auto failure = std::get<Failure>(cut->finish(ok()));
  CHECK(failure.kind == FailureClass::network);
  CHECK(cut->partial() == "Hel");

  CHECK(reply_of(delta(R"("content":"x")", R"(,"finish_reason":"stop")")).text == "x");
  CHECK(reply_of(delta(R"("content":"x")") + "data: [DONE]\n\n").text == "x");

  const Failure broken{FailureClass::network, "reset", std::nullopt};
  const auto late = find_adapter("openai_compatible")->reader(endpoint(true));
  late->feed(delta(R"("content":"x")", R"(,"finish_reason":"stop")") + "data: [DONE]\n\n");
  CHECK(std::get<ModelReply>(late->finish(broken)).text == "x");
  const auto early = find_adapter("openai_compatible")->reader(endpoint(true));
  early->feed(delta(R"("content":"x")"));
  CHECK(std::get<Failure>(early->finish(broken)) == broken);
}

TEST_CASE("openai adapter: errors and nonsense within a stream") {
  const std::string start = delta(R"("content":"Hel")");
  CHECK(failure_in(start + "data: {\"error\":{\"message\":\"oops\",\"type\":\"server_error\"}}\n\n").kind ==
        FailureClass::server);
  CHECK(failure_in(start + "event: error\ndata: {\"message\":\"slow\",\"code\":429}\n\n").kind ==
        FailureClass::rate_limited);
  CHECK(failure_in(start + "data: {\"error\":\"text\"}\n\ndata: [DONE]\n\n").message.find("text") != std::string::npos);
  CHECK(failure_in(start + "data: {broken\n\ndata: [DONE]\n\n").kind == FailureClass::malformed_reply);
  CHECK(failure_in(start + "data: 5\n\n").kind == FailureClass::malformed_reply);
  CHECK(failure_in("data: [DONE]\n\n").kind == FailureClass::empty_reply);
  CHECK(failure_in("data: " + std::string(5U << 20U, 'x')).kind == FailureClass::output_limit);
  CHECK(reply_of(start + "event: ping\ndata: {}\n\n" + delta("", R"(,"finish_reason":"stop")")).text == "Hel");
  // Other choices and what follows the end are not ours.
  CHECK(reply_of(start + R"(data: {"choices":[{"index":1,"delta":{"content":"no"}}]})" + "\n\ndata: [DONE]\n\n" + start)
            .text == "Hel");
}

TEST_CASE("openai adapter: random bytes are always an answer") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 dice(seed);
  const std::string good = delta(R"("content":"Hello")") + delta("", R"(,"finish_reason":"stop")") + "data: [DONE]\n\n";
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = good;
    for (int hit = 0; hit < 3; ++hit) bytes[dice() % bytes.size()] = static_cast<char>(dice() % 256);
    bytes.resize(dice() % (bytes.size() + 1));
    const auto result = outcome(bytes, 1 + dice() % 40);
    CHECK(result.index() < 2);
  }
}
