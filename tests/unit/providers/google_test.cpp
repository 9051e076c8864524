// SPDX-License-Identifier: Apache-2.0
#include "providers/google.hpp"

#include <string>

#include "tests/unit/providers/adapter_probe.hpp"

using namespace hillstar;
using namespace hillstar::providers;
using namespace hillstar::providers::probe;

namespace {

constexpr const char* kName = "google";

std::string candidate(const std::string& parts, const std::string& reason, const std::string& more = {}) {
  return R"({"candidates":[{"content":{"role":"model","parts":)" + parts + R"(},"finishReason":")" + reason +
         R"("}],"responseId":"r1")" + more + "}";
}

std::string piece(const std::string& parts, const std::string& more = {}) {
  return R"(data: {"candidates":[{"index":0,"content":{"parts":)" + parts + "}" + more + "}]}\r\n\r\n";
}

std::string config_of(const ModelRequest& request) { return field(kName, request, "generationConfig"); }

}  // namespace

TEST_CASE("google: the version, the model and the way of replying make the address") {
  CHECK(sent(kName, asked()).url == "https://h/v1/models/m:generateContent");
  CHECK(sent(kName, asked(), endpoint("v1beta")).url == "https://h/v1beta/models/m:generateContent");
  auto to = endpoint();
  to.stream = true;
  CHECK(sent(kName, asked(), to).url == "https://h/v1/models/m:streamGenerateContent?alt=sse");
  to.base_url = "https://h/proxy/v1beta/";
  CHECK(sent(kName, asked(), to).url == "https://h/proxy/v1beta/models/m:streamGenerateContent?alt=sse");
  CHECK(sent(kName, asked()).key_header == "x-goog-api-key");
  auto request = asked();
  request.model = "models/x";
  CHECK(sent(kName, request).url == "https://h/v1/models/x:generateContent");
  request.model = "tunedModels/x-1";
  CHECK(sent(kName, request).url == "https://h/v1/tunedModels/x-1:generateContent");
  for (const char* model : {"", "a b", "a?key=1", "a#", "../files", "a:b", "a/../b", "a%2e", "/a", "a/", "a//b"}) {
    CAPTURE(model);
    request.model = model;
    CHECK(refused(kName, request) == "/model");
  }
  const auto odd = find_adapter(kName)->encode(asked(), endpoint("v2"));
  REQUIRE_FALSE(odd.has_value());
  CHECK(odd.error().code == Errc::provider_config);
}

TEST_CASE("google: levels, budgets and contradictions of thinking") {
  const auto config = [](const char* effort, const char* thinking) {
    auto request = asked();
    request.effort = effort;
    request.thinking = json_of(thinking);
    const auto http = find_adapter(kName)->encode(request, endpoint());
    return http ? config_of(request) : http.error().where;
  };
  CHECK(config("", "null") == "absent");
  CHECK(config("low", "null") == R"({"thinkingConfig":{"includeThoughts":true,"thinkingLevel":"LOW"}})");
  CHECK(config("minimal", "true") == R"({"thinkingConfig":{"includeThoughts":true,"thinkingLevel":"MINIMAL"}})");
  CHECK(config("high", "\"adaptive\"") == R"({"thinkingConfig":{"includeThoughts":true,"thinkingLevel":"HIGH"}})");
  CHECK(config("", "true") == R"({"thinkingConfig":{"includeThoughts":true}})");
  CHECK(config("", "\"adaptive\"") == R"({"thinkingConfig":{"includeThoughts":true,"thinkingBudget":-1}})");
  CHECK(config("", "1024") == R"({"thinkingConfig":{"includeThoughts":true,"thinkingBudget":1024}})");
  CHECK(config("", "false") == R"({"thinkingConfig":{"thinkingBudget":0}})");
  CHECK(config("none", "null") == R"({"thinkingConfig":{"thinkingBudget":0}})");
  CHECK(config("none", "false") == R"({"thinkingConfig":{"thinkingBudget":0}})");
  CHECK(config("", R"({"thinkingBudget":7})") == R"({"thinkingConfig":{"thinkingBudget":7}})");
  CHECK(config("low", "7") == "/thinking");
  CHECK(config("low", "false") == "/thinking");
  CHECK(config("none", "true") == "/thinking");
  CHECK(config("low", "{}") == "/thinking");
  CHECK(config("", "\"much\"") == "/thinking");
  CHECK(config("", "[]") == "/thinking");
  CHECK(config("xhigh", "null") == "/effort");
  CHECK(config("max", "true") == "/effort");
}

TEST_CASE("google: what the API has no words for is refused") {
  const auto refuses = [](auto change) {
    auto changed = asked();
    changed.tools = {{"f", "", {}, {}}};
    change(changed);
    return refused(kName, changed);
  };
  CHECK(refuses([](auto& r) { r.verbosity = "low"; }) == "/verbosity");
  CHECK(refuses([](auto& r) { r.parallel_tool_calls = false; }) == "/parallel_tool_calls");
  CHECK(refuses([](auto& r) { r.stop = {"1", "2", "3", "4", "5", "6"}; }) == "/stop");
  CHECK(refuses([](auto& r) { r.temperature = json_of("2.1"); }) == "/temperature");
  CHECK(refuses([](auto& r) { r.images = {{"image/png", "AA==", "high"}}; }) == "/images");
  CHECK(refuses([](auto& r) {
          r.messages = {turn(ModelRole::user, "a"), turn(ModelRole::system, "b")};
        }) == "/messages");
}

TEST_CASE("google: tools, choices and strict calls") {
  auto request = asked();
  request.tools = {{"f", "d", json_of(R"({"type":"object"})"), {}}, {"g", "", {}, {}}};
  CHECK(field(kName, request, "tools") ==
        R"([{"functionDeclarations":[{"description":"d","name":"f","parametersJsonSchema":{"type":"object"}},)"
        R"({"name":"g"}]}])");
  CHECK(field(kName, request, "toolConfig") == "absent");
  CHECK(config_of(request) == "{}");
  const auto mode = [&](ToolChoiceKind kind) {
    request.tool_choice = kind;
    return field(kName, request, "toolConfig");
  };
  CHECK(mode(ToolChoiceKind::automatic) == R"({"functionCallingConfig":{"mode":"AUTO"}})");
  CHECK(mode(ToolChoiceKind::none) == R"({"functionCallingConfig":{"mode":"NONE"}})");
  CHECK(mode(ToolChoiceKind::required) == R"({"functionCallingConfig":{"mode":"ANY"}})");
  request.tool_choice_name = "g";
  CHECK(mode(ToolChoiceKind::named) == R"({"functionCallingConfig":{"allowedFunctionNames":["g"],"mode":"ANY"}})");
  request.tools[1].strict = true;
  CHECK(mode(ToolChoiceKind::unset) == R"({"functionCallingConfig":{"mode":"VALIDATED"}})");
  CHECK(mode(ToolChoiceKind::required) == R"({"functionCallingConfig":{"mode":"ANY"}})");
}

TEST_CASE("google: replies by a schema, further fields and system turns") {
  auto request = asked();
  request.format = ReplyFormat::json_object;
  CHECK(config_of(request) == R"({"responseMimeType":"application/json"})");
  request.format = ReplyFormat::json_schema;
  request.schema = json_of(R"({"type":"object"})");
  request.extra =
      json_of(R"({"generationConfig":{"responseMimeType":"text/plain","candidateCount":1},"labels":{"a":"b"},
                              "contents":[]})");
  CHECK(config_of(request) ==
        R"({"candidateCount":1,"responseJsonSchema":{"type":"object"},"responseMimeType":"application/json"})");
  CHECK(field(kName, request, "labels") == R"({"a":"b"})");
  request.messages = {turn(ModelRole::developer, "be brief")};
  CHECK(field(kName, request, "systemInstruction") == R"({"parts":[{"text":"be brief"}],"role":"user"})");
  CHECK(field(kName, request, "contents") == R"([{"parts":[{"text":"p"}],"role":"user"}])");
}

TEST_CASE("google: a foreign history says so to Gemini 3, and answers go back together") {
  auto request = asked("");
  request.messages = {turn(ModelRole::user, "q"), turn(ModelRole::assistant, "I look."), turn(ModelRole::tool, "[1]"),
                      turn(ModelRole::tool, "{broken"), turn(ModelRole::user, "and?")};
  request.messages[1].tool_calls = {{"a", "f", json_of("{}")}, {"b", "g", Json::string("x")}};
  request.messages[1].verbatim = json_of(R"({"adapter":"anthropic","content":[]})");
  request.messages[2].tool_call_id = "a";
  request.messages[3].tool_call_id = "b";
  request.messages[3].is_error = true;
  const std::string expected = R"([{"role":"user","parts":[{"text":"q"}]},
      {"role":"model","parts":[{"text":"I look."},{"functionCall":{"id":"a","name":"f","args":{}}SIGNATURE},
        {"functionCall":{"id":"b","name":"g","args":{"INVALID_JSON":"x"}}}]},
      {"role":"user","parts":[{"functionResponse":{"id":"a","name":"f","response":{"output":[1]}}},
        {"functionResponse":{"id":"b","name":"g","response":{"error":"{broken"}}}]},
      {"role":"user","parts":[{"text":"and?"}]}])";
  const auto with = [&](const std::string& signature) {
    auto text = expected;
    return json_of(text.replace(text.find("SIGNATURE"), 9, signature));
  };
  request.model = "gemini-2.5-pro";
  CHECK(json_of(field(kName, request, "contents")) == with(""));
  request.model = "gemini-3.5-flash";
  CHECK(json_of(field(kName, request, "contents")) ==
        with(R"(,"thoughtSignature":"skip_thought_signature_validator")"));
  request.messages[1].tool_calls.pop_back();
  CHECK(refused(kName, request) == "/messages");
}

TEST_CASE("google: signatures come back as they came, and ids that were made up stay here") {
  const auto reply = reply_of(
      kName, piece(R"([{"text":"Hm","thought":true}])") + piece(R"([{"text":"m.","thought":true},{"text":"I "}])") +
                 piece(R"([{"text":"look."},{"functionCall":{"name":"f"},"thoughtSignature":"S"}])") +
                 piece(R"([{"functionCall":{"name":"f","args":{"x":1}}}])", R"(,"finishReason":"STOP")"));
  CHECK(reply.text == "I look.");
  CHECK(reply.reasoning == "Hmm.");
  CHECK(reply.finish == FinishKind::tool_calls);
  REQUIRE(reply.tool_calls.size() == 2);
  CHECK(reply.tool_calls[0].id != reply.tool_calls[1].id);
  CHECK(reply.tool_calls[0].arguments == json_of("{}"));
  const std::string content = R"([{"text":"Hmm.","thought":true},{"text":"I look."},
      {"functionCall":{"name":"f"},"thoughtSignature":"S"},{"functionCall":{"name":"f","args":{"x":1}}}])";
  CHECK(reply.verbatim == json_of(R"({"adapter":"google","content":)" + content + "}"));
  auto request = asked("");
  request.messages = {turn(ModelRole::user, "q"), turn(ModelRole::assistant, reply.text), turn(ModelRole::tool, "4")};
  request.messages[1].tool_calls = reply.tool_calls;
  request.messages[1].verbatim = reply.verbatim;
  request.messages[2].tool_call_id = reply.tool_calls[0].id;
  const auto contents = json_of(field(kName, request, "contents")).value();
  CHECK(Json::of(contents.at(1).at("parts")) == json_of(content));
  CHECK(Json::of(contents.at(2).at("parts")) ==
        json_of(R"([{"functionResponse":{"name":"f","response":{"output":"4"}}}])"));
}

TEST_CASE("google: how replies end") {
  const std::string text = R"([{"text":"x"}])";
  CHECK(reply_of(kName, candidate(text, "STOP")).finish == FinishKind::stop);
  CHECK(reply_of(kName, candidate(text, "MAX_TOKENS")).finish == FinishKind::length);
  CHECK(reply_of(kName, candidate(text, "SAFETY")).finish == FinishKind::content_filter);
  CHECK(reply_of(kName, candidate(text, "TOO_MANY_TOOL_CALLS")).finish == FinishKind::other);
  CHECK(reply_of(kName, candidate(text, "STOP")).request_id == "req_1");
  CHECK(failure_in(kName, candidate("[]", "RECITATION")).kind == FailureClass::refused);
  CHECK(failure_in(kName, candidate("[]", "MALFORMED_FUNCTION_CALL")).kind == FailureClass::malformed_reply);
  CHECK(failure_in(kName, candidate("[]", "UNEXPECTED_TOOL_CALL")).kind == FailureClass::empty_reply);
  CHECK(failure_in(kName, candidate(R"([{"text":"hm","thought":true}])", "MAX_TOKENS")).message.find("MAX_TOKENS") !=
        std::string::npos);
  const auto blocked = failure_in(kName, R"({"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"responseId":"r"})");
  CHECK(blocked.kind == FailureClass::refused);
  CHECK(blocked.message == "The provider blocked the prompt (PROHIBITED_CONTENT). (request req_1)");
  CHECK(failure_in(kName, "data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}\n\n").kind == FailureClass::refused);
  CHECK(failure_in(kName, piece(text)).kind == FailureClass::network);
  CHECK(failure_in(kName, piece(text) + R"(data: {"error":{"code":503,"message":"m","status":"UNAVAILABLE"}})"
                                        "\n\n")
            .kind == FailureClass::overloaded);
  CHECK(failure_in(kName, "{}").kind == FailureClass::empty_reply);
}

TEST_CASE("google: usage adds what the service counts apart") {
  const auto usage = reply_of(kName, candidate(R"([{"text":"x"}])", "STOP", R"(,"usageMetadata":{"promptTokenCount":10,
      "toolUsePromptTokenCount":5,"candidatesTokenCount":3,"thoughtsTokenCount":7,"cachedContentTokenCount":4,
      "totalTokenCount":25})"))
                         .usage;
  CHECK(usage.input_tokens == 15);
  CHECK(usage.output_tokens == 10);
  CHECK(usage.cached_tokens == 4U);
  CHECK(usage.reasoning_tokens == 7U);
}

TEST_CASE("google: models, counts and vectors") {
  const auto* adapter = find_adapter(kName);
  CHECK(adapter->encode_models(endpoint())->url == "https://h/v1/models?pageSize=1000");
  const auto models = std::get<0>(adapter->decode_models(
      ok(R"({"models":[{"name":"models/a","inputTokenLimit":1048576},{"name":"b"},7]})"), endpoint()));
  REQUIRE(models.size() == 2);
  CHECK(models[0].id == "a");
  CHECK(models[0].context_tokens == 1'048'576U);
  auto request = asked();
  auto count = adapter->encode_count(request, endpoint());
  CHECK(count->url == "https://h/v1/models/m:countTokens");
  CHECK(count->body == R"({"contents":[{"role":"user","parts":[{"text":"p"}]}]})");
  request.system = "s";
  count = adapter->encode_count(request, endpoint());
  CHECK(json_of(count->body) == json_of(R"({"generateContentRequest":{"model":"models/m","generationConfig":{},
      "systemInstruction":{"role":"user","parts":[{"text":"s"}]},
      "contents":[{"role":"user","parts":[{"text":"p"}]}]}})"));
  CHECK(std::get<std::uint64_t>(adapter->decode_count(ok(R"({"totalTokens":7})"), endpoint())) == 7);
  CHECK(std::get<Failure>(adapter->decode_count(ok("{}"), endpoint())).kind == FailureClass::malformed_reply);
  EmbeddingRequest vectors{"e", {"a"}, 3, json_of(R"({"taskType":"RETRIEVAL_QUERY","model":"x"})")};
  const auto http = adapter->encode_embedding(vectors, endpoint());
  CHECK(json_of(http->body) == json_of(R"({"requests":[{"model":"models/e","taskType":"RETRIEVAL_QUERY",
      "outputDimensionality":3,"content":{"role":"user","parts":[{"text":"a"}]}}]})"));
  for (const char* wrong : {"{}", R"({"embeddings":[{"values":["x"]}]})", R"({"embeddings":[7]})", "[]", "x"})
    CHECK(std::get<Failure>(adapter->decode_embedding(ok(wrong), endpoint())).kind == FailureClass::malformed_reply);
}
