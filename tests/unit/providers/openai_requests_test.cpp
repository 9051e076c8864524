// SPDX-License-Identifier: Apache-2.0
// What OpenAI's adapters, Mistral's and the compatible one say, and what they refuse to say.
#include <doctest/doctest.h>

#include <boost/json.hpp>

#include "providers/adapter.hpp"
#include "tests/unit/providers/adapter_probe.hpp"

using namespace hillstar;
using namespace hillstar::providers;
using probe::json_of;

namespace {

Endpoint endpoint(bool stream = false) {
  auto made = probe::endpoint();
  made.base_url = "https://api.example";
  made.stream = stream;
  return made;
}

HttpRequest sent(const char* adapter, const ModelRequest& request, bool stream = false) {
  auto http = find_adapter(adapter)->encode(request, endpoint(stream));
  if (!http) FAIL(to_string(http.error()));
  return *std::move(http);
}

Json body(const char* adapter, const ModelRequest& request) { return json_of(sent(adapter, request).body); }

Json field(const char* adapter, const ModelRequest& request, const char* name) {
  const auto value = body(adapter, request).value();
  const auto* found = value.get_object().if_contains(name);
  return found == nullptr ? Json() : Json::of(*found);
}

/// Where the refusal points; it says what to do, too.
std::string refused(const char* adapter, const ModelRequest& request) {
  const auto http = find_adapter(adapter)->encode(request, endpoint());
  if (http) return "accepted";
  CHECK(http.error().code == Errc::tool_parameters);
  CHECK_FALSE(http.error().hint.empty());
  return http.error().where;
}

ModelTool tool(const char* name) {
  ModelTool made;
  made.name = name;
  return made;
}

ModelTurn turn(ModelRole role, const char* text) {
  ModelTurn made;
  made.role = role;
  made.text = text;
  return made;
}

constexpr const char* kAll[] = {"openai", "openai_chat", "openai_responses", "mistral", "openai_compatible"};

}  // namespace

TEST_CASE("openai requests: addresses, keys and headers") {
  for (const char* adapter : kAll) {
    const auto http = sent(adapter, probe::asked(), true);
    CHECK(http.method == "POST");
    CHECK(http.url.starts_with("https://api.example/v1/"));
    CHECK(http.bearer.reveal() == "canary-key");
    CHECK(http.key_header.empty());
    CHECK(http.body.find("canary") == std::string::npos);
    const auto models = find_adapter(adapter)->encode_models(endpoint());
    REQUIRE(models.has_value());
    CHECK(models->method == "GET");
    CHECK(models->url == "https://api.example/v1/models");
    CHECK(models->body.empty());
    Endpoint bad = endpoint();
    bad.base_url = "ftp://h";
    CHECK(find_adapter(adapter)->encode(probe::asked(), bad).error().code == Errc::provider_config);
    CHECK_FALSE(find_adapter(adapter)->encode_models(bad).has_value());
  }
  CHECK(sent("openai_responses", probe::asked()).url == "https://api.example/v1/responses");
  CHECK(sent("openai_chat", probe::asked()).url == "https://api.example/v1/chat/completions");
  CHECK(find_adapter("openai_embeddings") == nullptr);
}

TEST_CASE("openai requests: the same request has the same bytes, the messages at their start") {
  auto request = probe::asked();
  request.extra = json_of(R"({"z":1,"a":{"y":2,"b":3}})");
  for (const char* adapter : kAll) CHECK(sent(adapter, request).body == sent(adapter, request).body);
  CHECK(sent("openai_compatible", request).body ==
        R"({"model":"m","messages":[{"role":"user","content":"p"}],"a":{"b":3,"y":2},"z":1})");
}

TEST_CASE("openai requests: the prompt is the last turn, unless it is empty and others exist") {
  auto request = probe::asked("");
  CHECK(field("openai_chat", request, "messages") == json_of(R"([{"role":"user","content":""}])"));
  CHECK(field("openai_responses", request, "input") == json_of("\"\""));
  request.messages = {turn(ModelRole::developer, "d"), turn(ModelRole::system, "s"), turn(ModelRole::user, "u")};
  CHECK(
      field("openai_chat", request, "messages") ==
      json_of(R"([{"role":"developer","content":"d"},{"role":"system","content":"s"},{"role":"user","content":"u"}])"));
  for (const char* adapter : {"mistral", "openai_compatible"})
    CHECK(
        field(adapter, request, "messages") ==
        json_of(R"([{"role":"system","content":"d"},{"role":"system","content":"s"},{"role":"user","content":"u"}])"));
  CHECK(field("openai_responses", request, "input") == field("openai_chat", request, "messages"));
  request.system = "top";
  request.system_role = ModelRole::developer;
  request.messages.resize(1);
  CHECK(field("openai_chat", request, "messages") ==
        json_of(R"([{"role":"developer","content":"top"},{"role":"developer","content":"d"}])"));
  CHECK(field("openai_responses", request, "instructions") == json_of("\"top\""));
  request = probe::asked("Hello!");
  request.messages = {turn(ModelRole::developer, "d")};
  CHECK(
      field("openai_responses", request, "input") ==
      json_of(
          R"([{"role":"developer","content":"d"},{"role":"user","content":[{"type":"input_text","text":"Hello!"}]}])"));
  request.messages = {turn(ModelRole::assistant, "a")};
  request.prompt = "again";
  CHECK(field("openai_responses", request, "input") == json_of(R"([{"type":"message","role":"assistant","content":"a"},
                    {"role":"user","content":[{"type":"input_text","text":"again"}]}])"));
}

TEST_CASE("openai requests: images of the prompt and of turns") {
  auto request = probe::asked("");
  request.images = {{"image/jpeg", "QUJD", ""}};
  CHECK(field("openai_chat", request, "messages") ==
        json_of(
            R"([{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/jpeg;base64,QUJD"}}]}])"));
  CHECK(field("openai_responses", request, "input") ==
        json_of(R"([{"role":"user","content":[{"type":"input_image","detail":"auto",
                     "image_url":"data:image/jpeg;base64,QUJD"}]}])"));
  request.images[0].detail = "high";
  CHECK(field("mistral", request, "messages") == json_of(R"([{"role":"user","content":[{"type":"image_url",
                     "image_url":{"url":"data:image/jpeg;base64,QUJD","detail":"high"}}]}])"));
  for (const char* adapter : kAll) {
    auto wrong = request;
    wrong.images[0].media_type = "application/pdf";
    CHECK(refused(adapter, wrong) == "/images");
    wrong.images[0] = {"image/png", "", ""};
    CHECK(refused(adapter, wrong) == "/images");
    wrong = probe::asked();
    wrong.messages = {turn(ModelRole::assistant, "a")};
    wrong.messages[0].images = request.images;
    CHECK(refused(adapter, wrong) == "/messages/0/images");
  }
}

TEST_CASE("openai requests: tools and the choice among them") {
  auto request = probe::asked();
  request.tools = {tool("f")};
  CHECK(field("openai_chat", request, "tools") ==
        json_of(R"([{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}])"));
  CHECK(field("openai_responses", request, "tools") ==
        json_of(R"([{"type":"function","name":"f","parameters":{"type":"object","properties":{}},"strict":false}])"));
  request.tool_choice = ToolChoiceKind::required;
  CHECK(field("openai_chat", request, "tool_choice") == json_of("\"required\""));
  CHECK(field("openai_responses", request, "tool_choice") == json_of("\"required\""));
  CHECK(field("mistral", request, "tool_choice") == json_of("\"any\""));
  request.tool_choice = ToolChoiceKind::none;
  for (const char* adapter : kAll) CHECK(field(adapter, request, "tool_choice") == json_of("\"none\""));
  request.tool_choice = ToolChoiceKind::named;
  request.tool_choice_name = "g";
  for (const char* adapter : kAll) CHECK(refused(adapter, request) == "/tool_choice");
  request.tools = {tool("")};
  for (const char* adapter : kAll) CHECK(refused(adapter, request) == "/tools");
  request = probe::asked();
  request.parallel_tool_calls = false;
  for (const char* adapter : kAll) CHECK(refused(adapter, request) == "/parallel_tool_calls");
  request.parallel_tool_calls.reset();
  request.tool_choice = ToolChoiceKind::automatic;
  for (const char* adapter : kAll) CHECK(refused(adapter, request) == "/tool_choice");
  request.extra = json_of(R"({"tools":[{"type":"web_search"}]})");
  CHECK(field("openai_responses", request, "tool_choice") == json_of("\"auto\""));
}

TEST_CASE("openai requests: calls and their answers go back") {
  auto request = probe::asked("");
  auto calls = turn(ModelRole::assistant, "Let me see.");
  calls.tool_calls = {{"a", "f", json_of(R"({"x":1})")}, {"b", "g", json_of("\"{oops\"")}, {"c", "h", Json()}};
  auto answer = turn(ModelRole::tool, "no such city");
  answer.tool_call_id = "a";
  answer.is_error = true;
  request.messages = {calls, answer};
  CHECK(field("openai_chat", request, "messages") == json_of(R"([
    {"role":"assistant","content":"Let me see.","tool_calls":[
      {"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},
      {"id":"b","type":"function","function":{"name":"g","arguments":"{oops"}},
      {"id":"c","type":"function","function":{"name":"h","arguments":"{}"}}]},
    {"role":"tool","tool_call_id":"a","content":"no such city"}])"));
  CHECK(field("openai_responses", request, "input") == json_of(R"([
    {"type":"message","role":"assistant","content":"Let me see."},
    {"type":"function_call","call_id":"a","name":"f","arguments":"{\"x\":1}"},
    {"type":"function_call","call_id":"b","name":"g","arguments":"{oops"},
    {"type":"function_call","call_id":"c","name":"h","arguments":"{}"},
    {"type":"function_call_output","call_id":"a","output":"no such city"}])"));
  const auto mistral = field("mistral", request, "messages").text();
  CHECK(mistral.find(R"("name":"f","role":"tool")") != std::string::npos);
  CHECK(mistral.find(R"("index":2)") != std::string::npos);
  for (const char* adapter : kAll) {
    auto wrong = request;
    wrong.messages[1].tool_call_id.clear();
    CHECK(refused(adapter, wrong) == "/messages/1/tool_call_id");
    wrong = request;
    wrong.messages[0].tool_calls[1].id.clear();
    CHECK(refused(adapter, wrong) == "/messages/0/tool_calls");
    wrong.messages[0].tool_calls[1].id = "b";
    wrong.messages[0].role = ModelRole::user;
    CHECK(refused(adapter, wrong) == "/messages/0/tool_calls");
  }
}

TEST_CASE("openai requests: turns of Responses go back as they were, and only there") {
  auto request = probe::asked("");
  auto kept = turn(ModelRole::assistant, "42");
  kept.verbatim = json_of(R"({"adapter":"openai_responses","content":[{"type":"reasoning","encrypted_content":"x"},
                              {"type":"message","content":[]}]})");
  request.messages = {turn(ModelRole::user, "u"), kept};
  CHECK(field("openai_responses", request, "input") == json_of(R"([{"role":"user","content":"u"},
      {"type":"reasoning","encrypted_content":"x"},{"type":"message","content":[]}])"));
  CHECK(sent("openai", request).url.ends_with("/responses"));
  CHECK(field("openai_chat", request, "messages") ==
        json_of(R"([{"role":"user","content":"u"},{"role":"assistant","content":"42"}])"));
  for (const char* other :
       {R"({"adapter":"anthropic","content":[]})", R"({"adapter":"openai_responses"})", "[]", "5"}) {
    request.messages[1].verbatim = json_of(other);
    CHECK(field("openai_responses", request, "input") ==
          json_of(R"([{"role":"user","content":"u"},{"type":"message","role":"assistant","content":"42"}])"));
    CHECK(sent("openai", request).url.ends_with("/chat/completions"));
  }
}

TEST_CASE("openai requests: formats of the reply") {
  auto request = probe::asked();
  request.format = ReplyFormat::json_object;
  CHECK(field("openai_responses", request, "text") == json_of(R"({"format":{"type":"json_object"}})"));
  request.format = ReplyFormat::json_schema;
  for (const char* adapter : kAll) CHECK(refused(adapter, request) == "/schema");
  request.schema = json_of(R"({"type":"object"})");
  CHECK(field("openai_compatible", request, "response_format") ==
        json_of(R"({"type":"json_schema","json_schema":{"name":"reply","schema":{"type":"object"}}})"));
  request.schema_strict = false;
  request.verbosity = "high";
  CHECK(field("openai_responses", request, "text") ==
        json_of(R"({"format":{"type":"json_schema","name":"reply","strict":false,"schema":{"type":"object"}},
                    "verbosity":"high"})"));
  request.schema_name.clear();
  for (const char* adapter : kAll)
    if (std::string_view(adapter) != "mistral") CHECK(refused(adapter, request) == "/schema_name");
}

TEST_CASE("openai requests: what an API has no words for is refused by name") {
  const auto check = [](auto change, const std::string& where, std::initializer_list<const char*> adapters) {
    auto request = probe::asked();
    change(request);
    for (const char* adapter : adapters) {
      CAPTURE(adapter);
      CHECK(refused(adapter, request) == where);
    }
    CHECK(refused("openai_compatible", request) == "accepted");
  };
  const auto one = Json::from_canonical("1");
  check([&](auto& r) { r.top_k = one; }, "/top_k", {"openai", "openai_chat", "openai_responses", "mistral"});
  check([&](auto& r) { r.seed = one; }, "/seed", {"openai_responses"});
  check([&](auto& r) { r.stop = {"x"}; }, "/stop", {"openai_responses"});
  check([&](auto& r) { r.presence_penalty = one; }, "/presence_penalty", {"openai_responses"});
  check([&](auto& r) { r.frequency_penalty = one; }, "/frequency_penalty", {"openai_responses"});
  check([&](auto& r) { r.stop = {"1", "2", "3", "4", "5"}; }, "/stop", {"openai", "openai_chat"});
  check([&](auto& r) { r.verbosity = "low"; }, "/verbosity", {"mistral"});
  check([&](auto& r) { r.effort = "max"; }, "/effort", {"mistral"});
  for (const char* thinking : {"true", "false", "\"adaptive\"", "1024"})
    check([&](auto& r) { r.thinking = Json::from_canonical(thinking); }, "/thinking",
          {"openai", "openai_chat", "openai_responses", "mistral"});
  check([&](auto& r) { r.temperature = Json::from_canonical("2.1"); }, "/temperature",
        {"openai", "openai_chat", "openai_responses", "mistral"});
  check([&](auto& r) { r.temperature = Json::from_canonical("1.6"); }, "/temperature", {"mistral"});
  check([&](auto& r) { r.temperature = json_of("\"hot\""); }, "/temperature", {"openai", "mistral"});
  check([&](auto& r) { r.top_p = Json::from_canonical("1.5"); }, "/top_p", {"openai", "openai_responses", "mistral"});
  check([&](auto& r) { r.presence_penalty = Json::from_canonical("-2.5"); }, "/presence_penalty",
        {"openai", "mistral"});
  auto several = probe::asked();
  several.extra = json_of(R"({"n":2})");
  for (const char* adapter : kAll) CHECK(refused(adapter, several) == "/n");
}

TEST_CASE("openai requests: the compatible dialect passes on what local servers know") {
  auto request = probe::asked();
  request.top_k = json_of("40");
  request.thinking = json_of(R"({"type":"enabled"})");
  request.effort = "high";
  request.verbosity = "low";
  request.seed = json_of("7");
  CHECK(body("openai_compatible", request) ==
        json_of(R"({"model":"m","messages":[{"role":"user","content":"p"}],"top_k":40,"seed":7,
                    "reasoning_effort":"high","thinking":{"type":"enabled"},"verbosity":"low"})"));
  request = probe::asked();
  request.system_cache = "1h";
  CHECK(body("openai_compatible", request) == body("openai_compatible", probe::asked()));
}

TEST_CASE("openai requests: Responses keep nothing at the provider, and reasoning through a loop of tools") {
  auto request = probe::asked();
  request.extra = json_of(R"({"store":true,"reasoning":{"summary":"auto","effort":"high"}})");
  request.effort = "low";
  CHECK(field("openai_responses", request, "store") == json_of("false"));
  CHECK(field("openai_responses", request, "reasoning") == json_of(R"({"effort":"low","summary":"auto"})"));
  CHECK(field("openai_responses", request, "include").is_null());
  request.tools = {tool("f")};
  CHECK(field("openai_responses", request, "include") == json_of(R"(["reasoning.encrypted_content"])"));
  request.effort = "none";
  CHECK(field("openai_responses", request, "include").is_null());
}

TEST_CASE("openai requests: the API follows from the model and from what is asked") {
  const auto by_responses = [](const ModelRequest& request) {
    return sent("openai", request).url.ends_with("/responses");
  };
  auto request = probe::asked();
  request.model = "gpt-6-luna";
  request.effort = "high";
  request.format = ReplyFormat::json_object;
  CHECK_FALSE(by_responses(request));
  request.tools = {tool("f")};
  CHECK(by_responses(request));
  request.effort.clear();
  CHECK(by_responses(request));
  request.effort = "none";
  CHECK_FALSE(by_responses(request));
  request.effort = "high";
  for (const char* model : {"gpt-5.5", "gpt-5", "o3", "gpt-4o", "gpt-5.6-chat-latest", "unheard-of"}) {
    request.model = model;
    CHECK_FALSE(by_responses(request));
  }
  for (const char* model : {"gpt-5.6", "gpt-5.6-mini", "gpt-5.7-2026-10-01", "gpt-6-sol", "gpt-6.1-terra"}) {
    request.model = model;
    CHECK(by_responses(request));
  }
  request.stop = {"x"};
  CHECK(refused("openai", request) == "/stop");
  request.stop.clear();
  request.seed = json_of("1");
  CHECK(refused("openai", request) == "/seed");
  request.effort = "none";
  CHECK_FALSE(by_responses(request));
  request = probe::asked();
  request.extra = json_of(R"({"previous_response_id":"resp_1"})");
  CHECK(by_responses(request));
  request.extra = json_of(R"({"previous_response_id":"resp_1","logprobs":true})");
  CHECK(refused("openai", request) == "/logprobs");
  request.extra = Json();
  request.thinking = json_of(R"({"summary":"auto"})");
  CHECK(by_responses(request));
}

TEST_CASE("openai requests: embeddings") {
  const EmbeddingRequest request{"e", {"a", "b\xFF"}, 256, json_of(R"({"model":"x","user":"u"})")};
  const auto of = [&](const char* adapter) {
    const auto http = find_adapter(adapter)->encode_embedding(request, endpoint());
    REQUIRE(http.has_value());
    CHECK(http->url == "https://api.example/v1/embeddings");
    return json_of(http->body);
  };
  CHECK(of("openai") == json_of("{\"model\":\"e\",\"input\":[\"a\",\"b\xEF\xBF\xBD\"],\"dimensions\":256,"
                                "\"encoding_format\":\"float\",\"user\":\"u\"}"));
  CHECK(of("mistral") == json_of("{\"model\":\"e\",\"input\":[\"a\",\"b\xEF\xBF\xBD\"],\"output_dimension\":256,"
                                 "\"user\":\"u\"}"));
  CHECK_FALSE(find_adapter("openai")->encode_embedding({"e", {}, {}, {}}, endpoint()).has_value());
  CHECK_FALSE(find_adapter("openai_responses")->encode_embedding(request, endpoint()).has_value());
}

TEST_CASE("openai requests: tokens are counted by Responses") {
  auto request = probe::asked();
  request.max_tokens = 5;
  request.system = "s";
  request.extra = json_of(R"({"user":"u"})");
  const auto http = find_adapter("openai")->encode_count(request, endpoint(true));
  REQUIRE(http.has_value());
  CHECK(http->url == "https://api.example/v1/responses/input_tokens");
  CHECK(json_of(http->body) == json_of(R"({"model":"m","input":"p","instructions":"s"})"));
  HttpReply reply;
  reply.status = 200;
  reply.body = R"({"object":"response.input_tokens","input_tokens":11})";
  CHECK(std::get<std::uint64_t>(find_adapter("openai")->decode_count(reply, endpoint())) == 11);
  for (const char* body : {"", "{}", "[]", R"({"input_tokens":-1})", R"({"input_tokens":"5"})"}) {
    reply.body = body;
    CHECK(std::get<Failure>(find_adapter("openai")->decode_count(reply, endpoint())).kind ==
          FailureClass::malformed_reply);
  }
  CHECK_FALSE(find_adapter("mistral")->encode_count(request, endpoint()).has_value());
}
