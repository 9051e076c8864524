// SPDX-License-Identifier: Apache-2.0
#include "providers/ollama.hpp"

#include <string>

#include "tests/unit/providers/adapter_probe.hpp"

using namespace hillstar;
using namespace hillstar::providers;
using namespace hillstar::providers::probe;

namespace {

constexpr const char* kName = "ollama";

}  // namespace

TEST_CASE("ollama: the path goes under /api, and streaming is told always") {
  CHECK(sent(kName, asked()).url == "https://h/api/chat");
  CHECK(field(kName, asked(), "stream") == "false");
  auto to = endpoint();
  to.base_url = "http://h:11434/api/";
  to.stream = true;
  CHECK(sent(kName, asked(), to).url == "http://h:11434/api/chat");
  CHECK(field(kName, asked(), "stream", to) == "true");
  CHECK(sent(kName, asked()).bearer.reveal() == "canary-key");
}

TEST_CASE("ollama: sampling and limits are options, which further fields join") {
  auto request = asked();
  request.temperature = json_of("0.5");
  request.presence_penalty = json_of("0.1");
  request.max_tokens = 7;
  request.stop = {"x"};
  request.extra =
      json_of(R"({"options":{"num_ctx":4096,"temperature":9},"keep_alive":"5m","stream":true,"model":"other"})");
  CHECK(field(kName, request, "options") ==
        R"({"num_ctx":4096,"num_predict":7,"presence_penalty":0.1,"stop":["x"],"temperature":0.5})");
  CHECK(field(kName, request, "keep_alive") == R"("5m")");
  CHECK(field(kName, request, "model") == R"("m")");
  CHECK(field(kName, request, "stream") == "false");
  CHECK(field(kName, asked(), "options") == "absent");
}

TEST_CASE("ollama: thinking is a switch or a level") {
  const auto think = [](const char* effort, const char* thinking) {
    auto request = asked();
    request.effort = effort;
    request.thinking = json_of(thinking);
    const auto http = find_adapter(kName)->encode(request, endpoint());
    return http ? field(kName, request, "think") : http.error().where;
  };
  CHECK(think("", "null") == "absent");
  CHECK(think("", "true") == "true");
  CHECK(think("", "false") == "false");
  CHECK(think("", "\"high\"") == R"("high")");
  CHECK(think("", "\"adaptive\"") == "true");
  CHECK(think("low", "null") == R"("low")");
  CHECK(think("low", "true") == R"("low")");
  CHECK(think("none", "null") == "false");
  CHECK(think("none", "true") == "/thinking");
  CHECK(think("low", "false") == "/thinking");
  CHECK(think("minimal", "null") == "/effort");
  CHECK(think("max", "null") == "/effort");
  CHECK(think("", "1024") == "/thinking");
  CHECK(think("", "{}") == "/thinking");
}

TEST_CASE("ollama: what the API has no words for is refused") {
  const auto refuses = [](auto change) {
    auto changed = asked();
    changed.tools = {{"f", "", {}, {}}};
    change(changed);
    return refused(kName, changed);
  };
  CHECK(refuses([](auto& r) { r.tool_choice = ToolChoiceKind::required; }) == "/tool_choice");
  CHECK(refuses([](auto& r) {
          r.tool_choice = ToolChoiceKind::named;
          r.tool_choice_name = "f";
        }) == "/tool_choice");
  CHECK(refuses([](auto& r) { r.parallel_tool_calls = false; }) == "/parallel_tool_calls");
  CHECK(refuses([](auto& r) { r.tools[0].strict = true; }) == "/tools");
  CHECK(refuses([](auto& r) { r.verbosity = "low"; }) == "/verbosity");
  CHECK(refuses([](auto& r) { r.images = {{"image/png", "AA==", "low"}}; }) == "/images");
  auto request = asked();
  request.tools = {{"f", "", {}, false}};
  CHECK(field(kName, request, "tools") ==
        R"([{"function":{"name":"f","parameters":{"type":"object"}},"type":"function"}])");
  request.tool_choice = ToolChoiceKind::none;
  CHECK(field(kName, request, "tools") == "absent");
}

TEST_CASE("ollama: turns of all kinds") {
  auto request = asked();
  request.system = "s";
  request.messages = {turn(ModelRole::user, "q"), turn(ModelRole::assistant, ""), turn(ModelRole::tool, "1"),
                      turn(ModelRole::developer, "d")};
  request.messages[1].tool_calls = {{"a", "f", Json::string("x")}};
  request.messages[1].verbatim = json_of(R"({"adapter":"ollama","content":{"thinking":"hm"}})");
  request.messages[2].tool_call_id = "a";
  CHECK(json_of(field(kName, request, "messages")) == json_of(R"([{"role":"system","content":"s"},
      {"role":"user","content":"q"},{"role":"assistant","content":"","thinking":"hm",
        "tool_calls":[{"function":{"name":"f","arguments":{"INVALID_JSON":"x"}}}]},
      {"role":"tool","content":"1","tool_name":"f"},{"role":"system","content":"d"},{"role":"user","content":"p"}])"));
}

TEST_CASE("ollama: streams end with done, and with nothing else") {
  const std::string start =
      R"({"model":"m1","created_at":"t","message":{"content":"Hel","thinking":"hm"},"done":false})";
  const std::string end =
      R"({"message":{"content":"lo"},"done":true,"done_reason":"length","prompt_eval_count":3,"eval_count":4})";
  const auto reply = reply_of(kName, start + "\n" + end);
  CHECK(reply.text == "Hello");
  CHECK(reply.reasoning == "hm");
  CHECK(reply.model == "m1");
  CHECK(reply.finish == FinishKind::length);
  CHECK(reply.usage.input_tokens == 3);
  CHECK(reply.usage.output_tokens == 4);
  CHECK(reply.verbatim == json_of(R"({"adapter":"ollama","content":{"thinking":"hm"}})"));
  CHECK(failure_in(kName, start + "\n").kind == FailureClass::network);
  CHECK(failure_in(kName, start + "\n{\"mess").kind == FailureClass::network);
  CHECK(failure_in(kName, start + "\n{\"error\":\"died\"}\n" + end).kind == FailureClass::server);
  CHECK(failure_in(kName, R"({"message":{"content":""},"done":true,"done_reason":"load"})").message.find("load") !=
        std::string::npos);
  CHECK(failure_in(kName, R"({"done":true})").kind == FailureClass::empty_reply);
  CHECK(failure_in(kName, "data: {\"done\":true}\n\n").kind == FailureClass::empty_reply);
}

TEST_CASE("ollama: calls of tools, with ids and without") {
  const auto reply =
      reply_of(kName, R"({"created_at":"t","message":{"tool_calls":[{"function":{"name":"f","arguments":{"a":1}}},
      {"function":{"name":"f"}},{"id":"x","function":{"name":"g","arguments":"{\"b\":2}"}},{"function":{}}]},
      "done":true,
      "done_reason":"stop"})");
  REQUIRE(reply.tool_calls.size() == 3);
  CHECK(reply.finish == FinishKind::tool_calls);
  CHECK(reply.tool_calls[0].id != reply.tool_calls[1].id);
  CHECK(reply.tool_calls[1].arguments == json_of("{}"));
  CHECK(reply.tool_calls[2].id == "x");
  CHECK(reply.tool_calls[2].arguments == json_of(R"({"b":2})"));
}

TEST_CASE("ollama: models and vectors") {
  const auto* adapter = find_adapter(kName);
  const auto models = std::get<0>(
      adapter->decode_models(ok(R"({"models":[{"name":"a:latest"},{"model":"b","name":"c"},{}]})"), endpoint()));
  REQUIRE(models.size() == 2);
  CHECK(models[0].id == "a:latest");
  CHECK(models[1].id == "b");
  CHECK(std::get<Failure>(adapter->decode_models(ok("{}"), endpoint())).kind == FailureClass::malformed_reply);
  EmbeddingRequest request{"e", {"a"}, 3, json_of(R"({"truncate":false})")};
  CHECK(json_of(adapter->encode_embedding(request, endpoint())->body) ==
        json_of(R"({"model":"e","input":["a"],"dimensions":3,"truncate":false})"));
  CHECK_FALSE(adapter->encode_count(asked(), endpoint()).has_value());
}
