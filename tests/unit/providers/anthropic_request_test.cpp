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

}  // namespace

TEST_CASE("anthropic: the version decides where the key goes and whether sampling is part of the API") {
  const auto now = sent(kName, asked());
  CHECK(now.url == "https://h/v1/messages");
  CHECK(now.key_header.empty());
  CHECK(now.bearer.reveal() == "canary-key");
  CHECK(std::find(now.headers.begin(), now.headers.end(),
                  std::pair<std::string, std::string>{"anthropic-version", "2026-10-21"}) != now.headers.end());
  const auto before = sent(kName, asked(), endpoint("2023-06-01"));
  CHECK(before.key_header == "x-api-key");
  auto request = asked();
  request.temperature = json_of("0.5");
  CHECK(refused(kName, request) == "/temperature");
  CHECK(field(kName, request, "temperature", endpoint("2023-06-01")) == "0.5");
  request.temperature = {};
  request.top_p = json_of("0.5");
  CHECK(refused(kName, request) == "/top_p");
  request.top_p = {};
  request.top_k = json_of("5");
  CHECK(refused(kName, request) == "/top_k");
  const auto odd = find_adapter("anthropic")->encode(asked(), endpoint("latest"));
  REQUIRE_FALSE(odd.has_value());
  CHECK(odd.error().code == Errc::provider_config);
}

TEST_CASE("anthropic: the path goes under /v1 of any base") {
  for (const char* base : {"https://h/x", "https://h/x/", "https://h/x/v1", "https://h/x/v1/"}) {
    auto to = endpoint();
    to.base_url = base;
    CHECK(sent(kName, asked(), to).url == "https://h/x/v1/messages");
  }
  for (const char* base : {"", "h", "ftp://h", "https://h?x=1"}) {
    auto to = endpoint();
    to.base_url = base;
    CHECK_FALSE(find_adapter("anthropic")->encode(asked(), to).has_value());
  }
}

TEST_CASE("anthropic: a reply has a limit always, and long ones are streamed") {
  CHECK(field(kName, asked(), "max_tokens") == "4096");
  CHECK(field(kName, asked(), "stream") == "absent");
  auto request = asked();
  request.thinking = json_of("10000");
  CHECK(field(kName, request, "max_tokens") == "14096");
  request.max_tokens = 10'000;
  CHECK(refused(kName, request) == "/max_tokens");
  request.max_tokens = 10'001;
  CHECK(field(kName, request, "max_tokens") == "10001");
  request.thinking = json_of(R"({"type":"enabled","budget_tokens":20000})");
  CHECK(refused(kName, request) == "/max_tokens");
  request.thinking = {};
  request.max_tokens = 21'333;
  CHECK(field(kName, request, "stream") == "absent");
  request.max_tokens = 21'334;
  CHECK(field(kName, request, "stream") == "true");
  CHECK(field(kOllama, request, "stream") == "absent");
}

TEST_CASE("anthropic: thinking in every way an author may write it") {
  const auto thinking = [](const char* json, const char* adapter = "anthropic") {
    auto request = asked();
    request.thinking = json_of(json);
    return field(adapter, request, "thinking");
  };
  CHECK(thinking("true") == R"({"type":"adaptive"})");
  CHECK(thinking("false") == R"({"type":"disabled"})");
  CHECK(thinking("\"adaptive\"") == R"({"type":"adaptive"})");
  CHECK(thinking("\"between_tools\"") == R"({"type":"between_tools"})");
  CHECK(thinking("1024") == R"({"budget_tokens":1024,"type":"enabled"})");
  CHECK(thinking(R"({"type":"adaptive","display":"omitted"})") == R"({"display":"omitted","type":"adaptive"})");
  CHECK(thinking("null") == "absent");
  CHECK(thinking("true", "anthropic_ollama") == "true");
  CHECK(thinking(R"({"type":"enabled"})", "anthropic_ollama") == R"({"type":"enabled"})");
  for (const char* wrong : {"1023", "0", "-1", "1e300", "2000.5", "\"much\"", "[]"}) {
    CAPTURE(wrong);
    auto request = asked();
    request.thinking = json_of(wrong);
    CHECK(refused(kName, request) == "/thinking");
  }
}

TEST_CASE("anthropic: effort, schemas and stops have their places; what has none is refused") {
  auto request = asked();
  request.effort = "max";
  request.format = ReplyFormat::json_schema;
  request.schema = json_of(R"({"type":"object"})");
  request.stop = {"a", "b"};
  CHECK(field(kName, request, "output_config") ==
        R"({"effort":"max","format":{"schema":{"type":"object"},"type":"json_schema"}})");
  CHECK(field(kName, request, "stop_sequences") == R"(["a","b"])");
  const auto refuses = [](auto change) {
    auto changed = asked();
    change(changed);
    return refused(kName, changed);
  };
  CHECK(refuses([](auto& r) { r.effort = "none"; }) == "/effort");
  CHECK(refuses([](auto& r) { r.effort = "minimal"; }) == "/effort");
  CHECK(refuses([](auto& r) { r.format = ReplyFormat::json_object; }) == "/format");
  CHECK(refuses([](auto& r) { r.seed = json_of("1"); }) == "/seed");
  CHECK(refuses([](auto& r) { r.presence_penalty = json_of("1"); }) == "/presence_penalty");
  CHECK(refuses([](auto& r) { r.frequency_penalty = json_of("1"); }) == "/frequency_penalty");
  CHECK(refuses([](auto& r) { r.verbosity = "low"; }) == "/verbosity");
  CHECK(refuses([](auto& r) { r.images = {{"image/png", "AA==", "low"}}; }) == "/images");
  CHECK(refuses([](auto& r) {
          r.system = "s";
          r.system_cache = "2h";
        }) == "/system_cache");
}

TEST_CASE("anthropic: system text, cached or not, and system turns") {
  auto request = asked();
  request.messages = {turn(ModelRole::system, "a"), turn(ModelRole::developer, "b"), turn(ModelRole::user, "q"),
                      turn(ModelRole::system, "c")};
  request.system = "s";
  CHECK(field(kName, request, "system") == R"("s\n\na\n\nb")");
  CHECK(field(kName, request, "messages") ==
        R"([{"content":"q","role":"user"},{"content":"c","role":"system"},{"content":"p","role":"user"}])");
  CHECK(refused(kName, request, endpoint("2023-06-01")) == "/messages");
  request.messages.clear();
  request.system_cache = "";
  CHECK(field(kName, request, "system") == R"([{"cache_control":{"type":"ephemeral"},"text":"s","type":"text"}])");
  request.system_cache = "5m";
  CHECK(field(kName, request, "system") ==
        R"([{"cache_control":{"ttl":"5m","type":"ephemeral"},"text":"s","type":"text"}])");
  CHECK(field(kOllama, request, "system") == R"("s")");
  request.system.clear();
  CHECK(field(kName, request, "system") == "absent");
}

TEST_CASE("anthropic: answers of parallel calls are one turn, before what the user says") {
  auto request = asked("and now?");
  request.messages = {turn(ModelRole::user, "q"), turn(ModelRole::assistant, ""), turn(ModelRole::tool, "1"),
                      turn(ModelRole::tool, "no")};
  request.messages[1].tool_calls = {{"a", "f", json_of("{}")}, {"b", "g", Json::string("{broken")}};
  request.messages[2].tool_call_id = "a";
  request.messages[3].tool_call_id = "b";
  request.messages[3].is_error = true;
  CHECK(json_of(field(kName, request, "messages")) == json_of(R"([{"role":"user","content":"q"},
      {"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}},
        {"type":"tool_use","id":"b","name":"g","input":{"INVALID_JSON":"{broken"}}]},
      {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"1"},
        {"type":"tool_result","tool_use_id":"b","content":"no","is_error":true},
        {"type":"text","text":"and now?"}]}])"));
}

TEST_CASE("anthropic: choices of tools") {
  auto request = asked();
  request.tools = {{"f", "", json_of(R"({"type":"object"})"), true}};
  CHECK(field(kName, request, "tools") == R"([{"input_schema":{"type":"object"},"name":"f","strict":true}])");
  CHECK(field(kName, request, "tool_choice") == "absent");
  request.parallel_tool_calls = false;
  CHECK(field(kName, request, "tool_choice") == R"({"disable_parallel_tool_use":true,"type":"auto"})");
  request.tool_choice = ToolChoiceKind::none;
  CHECK(field(kName, request, "tool_choice") == R"({"type":"none"})");
  request.tool_choice = ToolChoiceKind::required;
  request.parallel_tool_calls = true;
  CHECK(field(kName, request, "tool_choice") == R"({"type":"any"})");
  CHECK(refused(kOllama, request) == "/tools");
  request.tools[0].strict.reset();
  CHECK(refused(kOllama, request) == "/tool_choice");
  request.tool_choice = ToolChoiceKind::automatic;
  request.parallel_tool_calls = false;
  CHECK(refused(kOllama, request) == "/parallel_tool_calls");
}

TEST_CASE("anthropic: by Ollama the request has Hillstar's shape") {
  auto request = asked();
  request.system = "s";
  request.max_tokens = 64;
  request.temperature = Json::from_canonical("7.3e-7");
  request.effort = "high";
  request.extra = json_of(R"({"chat_template_kwargs":{"enable_thinking":true},"model":"other","stream":true})");
  auto to = endpoint();
  to.base_url = "http://localhost:11434";
  const auto http = sent(kOllama, request, to);
  CHECK(http.url == "http://localhost:11434/v1/messages");
  CHECK(http.bearer.reveal() == "canary-key");
  for (const auto& [name, value] : http.headers) CHECK(name != "anthropic-version");
  CHECK(json_of(http.body) == json_of(R"({"model":"m","system":"s","messages":[{"role":"user","content":"p"}],
      "max_tokens":64,"temperature":7.3e-7,"reasoning_effort":"high",
      "chat_template_kwargs":{"enable_thinking":true}})"));
  to.key = Secret("ollama");
  CHECK(sent(kOllama, request, to).bearer.empty());
  request.format = ReplyFormat::json_schema;
  request.schema = json_of("{}");
  CHECK(refused(kOllama, request, to) == "/format");
  CHECK_FALSE(find_adapter("anthropic_ollama")->encode_count(request, to).has_value());
}

TEST_CASE("anthropic: extra fields join in deeply and change nothing that is set") {
  auto request = asked();
  request.effort = "low";
  request.extra = json_of(R"({"output_config":{"effort":"max","task_budget":5},"max_tokens":1,"messages":[],
                              "metadata":{"user_id":"u"},"speed":"fast"})");
  CHECK(field(kName, request, "output_config") == R"({"effort":"low","task_budget":5})");
  CHECK(field(kName, request, "max_tokens") == "4096");
  CHECK(field(kName, request, "speed") == R"("fast")");
  request.extra = json_of("[1]");
  CHECK(refused(kName, request) == "/extra");
}

TEST_CASE("anthropic: betas are named in a header") {
  auto request = asked();
  request.extra = json_of(R"({"betas":["a-2026-01-01","b_2"]})");
  const auto http = sent(kName, request);
  CHECK(http.body.find("betas") == std::string::npos);
  CHECK(http.headers.back() == std::pair<std::string, std::string>{"anthropic-beta", "a-2026-01-01,b_2"});
  for (const char* wrong :
       {R"({"betas":"a"})", R"({"betas":[1]})", R"({"betas":["a\r\nx: y"]})", R"({"betas":[""]})"}) {
    request.extra = json_of(wrong);
    CHECK(refused(kName, request) == "/extra/betas");
  }
  request.extra = json_of(R"({"betas":[")" + std::string(2'000, 'a') + "\"]}");
  CHECK(refused(kName, request) == "/extra/betas");
}
