// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/model_choice.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <map>

#include "runtime/policy/model_request.hpp"

using namespace hillstar;
using policy::Backend;
using policy::choose_backend;
using policy::make_request;

namespace {

Json json_of(std::string_view text) {
  auto value = json::parse(text);
  REQUIRE(value.has_value());
  return Json::of(*value);
}

workflow::PlanNode node(std::string provider, std::string model = {}) {
  workflow::PlanNode made;
  made.id = NodeId("n");
  made.tool = "model_call";
  made.provider = std::move(provider);
  made.model = std::move(model);
  return made;
}

policy::LookUp environment(std::map<std::string, std::string> values = {}) {
  return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
}

Backend chosen(const workflow::PlanNode& from, std::string_view config = "{}",
               const policy::LookUp& env = environment()) {
  auto backend = choose_backend(from, json_of(config), env);
  if (!backend) FAIL(to_string(backend.error()));
  return std::move(backend).value();
}

Error refused(const workflow::PlanNode& from, std::string_view config = "{}",
              const policy::LookUp& env = environment()) {
  auto backend = choose_backend(from, json_of(config), env);
  REQUIRE_FALSE(backend.has_value());
  return std::move(backend).error();
}

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("model choice: the local backends have Hillstar's addresses and default models") {
  const struct {
    const char* provider;
    const char* url;
    const char* model;
  } rows[] = {{"devstral", "http://127.0.0.1:8080", "devstral"},
              {"devstral_local", "http://127.0.0.1:8080", ""},
              {"local", "http://127.0.0.1:8080", "local"},
              {"jan_code", "http://127.0.0.1:8081", "jan-code"},
              {"jan_code_local", "http://127.0.0.1:8081", "jan-code"},
              {"ollama", "http://127.0.0.1:11434", "minimax-m2.5:cloud"}};
  for (const auto& row : rows) {
    const auto backend = chosen(node(row.provider));
    CHECK(backend.base_url == row.url);
    CHECK(backend.model == row.model);
    CHECK(backend.adapter == "openai_compatible");
    CHECK(backend.key_variable.empty());
    CHECK(backend.name == std::string(row.provider) + " " + row.url);
    CHECK(backend.source == "built-in");
    CHECK(chosen(node(row.provider, "other")).model == "other");
  }
}

TEST_CASE("model choice: the addresses of local servers may be said by the person's environment") {
  const auto env =
      environment({{"OLLAMA_BASE_URL", "http://127.0.0.1:9/"}, {"DEVSTRAL_ENDPOINT", "http://gpu.local:8"}});
  CHECK(chosen(node("ollama"), "{}", env).base_url == "http://127.0.0.1:9");
  for (const char* provider : {"local", "devstral", "devstral_local"})
    CHECK(chosen(node(provider), "{}", env).base_url == "http://gpu.local:8");
  CHECK(chosen(node("jan_code"), "{}", env).base_url == "http://127.0.0.1:8081");
  CHECK(chosen(node("ollama"), "{}", environment({{"OLLAMA_BASE_URL", ""}})).base_url == "http://127.0.0.1:11434");
  // An address elsewhere is no local server, whatever its name.
  const auto away = environment({{"OLLAMA_BASE_URL", "https://ollama.example.com"}});
  CHECK_FALSE(chosen(node("ollama", "m"), "{}", away).is_near);
  CHECK(refused(node("ollama", "m"), R"({"preset":"local_only"})", away).code == Errc::permission_denied);
}

TEST_CASE("model choice: cloud providers need their key, and only its name is kept") {
  const auto missing = refused(node("openai", "gpt-5"));
  CHECK(missing.code == Errc::provider_config);
  CHECK(holds(missing.message, "OPENAI_API_KEY"));
  CHECK(refused(node("openai"), "{}", environment({{"OPENAI_API_KEY", "  "}})).code == Errc::provider_config);
  const auto env = environment({{"OPENAI_API_KEY", "canary-key"}, {"MISTRAL_API_KEY", "canary-key"}});
  const auto openai = chosen(node("openai"), R"({"openai":{"api_key":"canary-literal"}})", env);
  CHECK(openai.base_url == "https://api.openai.com/v1");
  CHECK(openai.key_variable == "OPENAI_API_KEY");
  CHECK(openai.model == "gpt-5-mini-2025-08-07");
  CHECK(openai.adapter == "openai");
  CHECK(openai.prices->output == 2'000'000);
  CHECK(openai.limits.requests_per_minute == 60);
  REQUIRE(openai.notes.size() == 1);
  CHECK_FALSE(holds(openai.notes[0], "canary"));
  CHECK(chosen(node("mistral", "mistral-small-latest"), "{}", env).base_url == "https://api.mistral.ai/v1");
  CHECK(refused(node("mistral"), "{}", env).code == Errc::provider_config);
}

TEST_CASE("model choice: a custom provider replaces the built-in one and may fix the model") {
  const auto backend =
      chosen(node("ollama", "mine"), R"({"custom_providers":{"ollama":{"endpoint":" http://10.0.0.5:9// ",
      "type":"ollama"}}})");
  CHECK(backend.base_url == "http://10.0.0.5:9");
  CHECK(backend.model == "mine");
  CHECK(backend.source == "custom");
  CHECK(chosen(node("gw", "mine"), R"({"custom_providers":{"gw":{"endpoint":"http://h:1","model_name":"fixed"}}})")
            .model == "fixed");
  // OpenAI's key does not follow a name to another address.
  CHECK(chosen(node("openai"), R"({"custom_providers":{"openai":{"endpoint":"http://h:1"}}})",
               environment({{"OPENAI_API_KEY", "k"}}))
            .key_variable.empty());
}

TEST_CASE("model choice: malformed custom entries are ignored with a note") {
  for (const char* entry :
       {R"({})", R"({"endpoint":""})", R"({"endpoint":"  "})", R"({"endpoint":7})", R"([])", R"("x")", "null"}) {
    const auto backend = chosen(node("ollama"), std::string(R"({"custom_providers":{"ollama":)") + entry + "}}");
    CHECK(backend.base_url == "http://127.0.0.1:11434");
    REQUIRE(backend.notes.size() == 1);
    CHECK(holds(backend.notes[0], "custom_providers.ollama"));
  }
  CHECK(refused(node("openai_compatible"), R"({"custom_providers":{"openai_compatible":{}}})").code ==
        Errc::provider_config);
  CHECK(refused(node("gw"), R"({"custom_providers":{"gw":{"endpoint":"ftp://h"}}})").code == Errc::provider_config);
  CHECK(chosen(node("ollama"), R"({"custom_providers":[]})").notes.empty());
  CHECK(chosen(node("ollama"), "null").model == "minimax-m2.5:cloud");
}

TEST_CASE("model choice: auth_token names a variable; a literal key is not sent") {
  const auto config = [](const std::string& token) {
    return R"({"custom_providers":{"gw":{"endpoint":"http://h:1","auth_token":")" + token + R"("}}})";
  };
  CHECK(chosen(node("gw"), config("${GW_KEY}"), environment({{"GW_KEY", "k"}})).key_variable == "GW_KEY");
  CHECK(refused(node("gw"), config("${GW_KEY}")).code == Errc::provider_config);
  const auto literal = chosen(node("gw"), config("canary-literal"));
  CHECK(literal.key_variable.empty());
  REQUIRE(literal.notes.size() == 1);
  CHECK_FALSE(holds(literal.notes[0], "canary"));
  CHECK(chosen(node("gw"), config("${}")).key_variable.empty());
}

TEST_CASE("model choice: single-client entries give a lane") {
  const auto lane = [](const std::string& more) {
    return chosen(node("gw"), R"({"custom_providers":{"gw":{"endpoint":"http://h:1")" + more + "}}}").lane;
  };
  CHECK(lane("").empty());
  CHECK(lane(R"(,"singleClient":true)") == "http://h:1");
  CHECK(lane(R"(,"single_client":true,"backend_id":"gpu")") == "gpu");
  CHECK(lane(R"(,"singleClient":true,"backendId":"gpu2")") == "gpu2");
  CHECK(lane(R"(,"singleClient":1)").empty());
  auto own = node("gw");
  own.lane = "node-lane";
  CHECK(chosen(own, R"({"custom_providers":{"gw":{"endpoint":"http://h:1","singleClient":true}}})").lane ==
        "node-lane");
}

TEST_CASE("model choice: a seat is the pin, then the host's router") {
  const auto env = environment({{"HILLSTAR_ROUTER_URL", " http://127.0.0.1:18101/ "}});
  const auto host = chosen(node("router", "router-reviewer-us"), "{}", env);
  CHECK(host.model == "router-reviewer-us");
  CHECK(host.base_url == "http://127.0.0.1:18101");
  CHECK(host.provider_label == "custom");
  CHECK(host.source == "host-config");
  CHECK(host.key_variable.empty());
  CHECK(chosen(node("router", "router-x"), "{}",
               environment({{"HILLSTAR_ROUTER_URL", "http://h"}, {"HILLSTAR_ROUTER_KEY", "k"}}))
            .key_variable == "HILLSTAR_ROUTER_KEY");

  const char* pins = R"({"custom_providers":{"router":{"endpoint":"http://a:1","type":"custom","model_name":"pinned-m"},
                         "router-planner":{"endpoint":"http://b:2","type":"llamacpp"}}})";
  const auto general = chosen(node("router", "router-reviewer"), pins, env);
  CHECK(general.base_url == "http://a:1");
  CHECK(general.model == "pinned-m");
  CHECK(general.source == "workflow-pin");
  const auto own = chosen(node("router", "router-planner"), pins, env);
  CHECK(own.base_url == "http://b:2");
  CHECK(own.model == "router-planner");
  CHECK(own.provider_label == "llamacpp");
  CHECK(chosen(node("", "router-planner"), pins, env).base_url == "http://b:2");
  CHECK(chosen(node("ollama", "router-planner"), "{}", env).base_url == "http://127.0.0.1:18101");
}

TEST_CASE("model choice: a seat without a backend names both remedies") {
  const auto required = refused(node("router", "router-planner"), "{}", environment({{"HILLSTAR_ROUTER_URL", " "}}));
  CHECK(required.message.starts_with("router required for seat 'router-planner'"));
  for (const auto* part : {"custom_providers", "HILLSTAR_ROUTER_URL"}) {
    CAPTURE(part);
    CHECK(holds(required.message + required.hint, part));
  }
  CHECK(holds(refused(node("router", "gpt-5")).message, "'gpt-5' is not a seat"));
  const auto local = chosen(node("ollama", "router-planner"));
  CHECK(local.source == "local-discovery");
  CHECK(local.model == "router-planner");
  CHECK(local.is_near);
  CHECK(refused(node("", "router-planner"), R"({"provider_preferences":{"blocklist":["ollama"]}})").code ==
        Errc::permission_denied);
}

TEST_CASE("model choice: names without a client say which kind they are, and what to use instead") {
  for (const char* later : {"anthropic_mcp", "openai_mcp", "mistral_mcp", "ollama_mcp"}) {
    const auto error = refused(node(later));
    CHECK(error.code == Errc::provider_unknown);
    CHECK(holds(error.message, "not available in this release"));
    CHECK(holds(error.hint, "Use '"));
  }
  for (const char* name : {"xai", "grok", "Grok-4", "palantir", "XAI"}) {
    const auto config = std::string(R"({"custom_providers":{")") + name + R"(":{"endpoint":"http://h"}}})";
    CHECK(refused(node(name), config).code == Errc::provider_unknown);
  }
  CHECK(holds(refused(node("olama")).hint, "'ollama'"));
  CHECK(holds(refused(node("mygw"), R"({"custom_providers":{"my_gw":{"endpoint":"http://h"}}})").hint, "'my_gw'"));
  CHECK(holds(refused(node("something-else-entirely")).hint, "custom_providers"));
  CHECK(refused(node(std::string(5000, 'x'))).code == Errc::provider_unknown);
}

TEST_CASE("model choice: the workflow's own limits hold") {
  const auto env = environment({{"OPENAI_API_KEY", "k"}});
  CHECK(refused(node("openai"), R"({"preset":"local_only"})", env).code == Errc::permission_denied);
  CHECK(chosen(node("ollama"), R"({"preset":"local_only"})").provider_label == "ollama");
  CHECK(refused(node("openai"), R"({"provider_preferences":{"blocklist":["openai"]}})", env).code ==
        Errc::permission_denied);
  CHECK(refused(node("openai"), R"({"provider_preferences":{"allowlist":["ollama"]}})", env).code ==
        Errc::permission_denied);
  CHECK(chosen(node("openai"), R"({"provider_preferences":{"allowlist":[]}})", env).provider_label == "openai");
}

TEST_CASE("model choice: without a provider the first usable preference is taken, and never a guess") {
  CHECK(refused(node("", "gpt-5"), "{}", environment({{"OPENAI_API_KEY", "k"}})).code == Errc::provider_config);
  CHECK(chosen(node("", "m"), R"({"provider_preference":["openai","ollama"]})").provider_label == "ollama");
  CHECK(chosen(node("", "m"), R"({"provider_preferences":{"priority":[3,"local"]}})").provider_label == "local");
}

TEST_CASE("model request: matches what Hillstar sends a router") {
  const auto backend =
      chosen(node("router", "router-planner"), "{}", environment({{"HILLSTAR_ROUTER_URL", "http://h"}}));
  const auto full = make_request(json_of(R"({"system":"You plan","max_tokens":128,"temperature":0.4,
      "reasoning_effort":"high","thinking":{"type":"enabled"},"chat_template_kwargs":{"enable_thinking":true},
      "top_p":0.9,"junk":1})"),
                                 Json(), "Plan it", backend);
  REQUIRE(full.has_value());
  CHECK(full->model == "router-planner");
  CHECK(full->system == "You plan");
  CHECK(full->prompt == "Plan it");
  CHECK(full->max_tokens == 128);
  CHECK(full->temperature.text() == "0.4");
  CHECK(full->extra.text() == R"({"chat_template_kwargs":{"enable_thinking":true}})");
  CHECK(full->effort == "high");
  CHECK(full->thinking.text() == R"({"type":"enabled"})");
  CHECK(full->top_p.text() == "0.9");
  const auto bare = make_request(Json(), Json(), "x", backend);
  REQUIRE(bare.has_value());
  CHECK(bare->max_tokens == 4096);
  CHECK(bare->temperature.text() == "7.3e-07");
  CHECK(bare->system.empty());
  CHECK(bare->extra.is_null());
}

TEST_CASE("model request: sampling comes from the node, then from sampling_params") {
  const Backend backend;
  const auto config = json_of(R"({"sampling_params":{"temperature":0.7,"max_tokens":9,"top_p":0.5}})");
  CHECK(make_request(Json(), config, "", backend)->temperature.text() == "0.7");
  CHECK(make_request(Json(), config, "", backend)->max_tokens == 9);
  CHECK(make_request(Json(), config, "", backend)->top_p.text() == "0.5");
  CHECK(make_request(json_of(R"({"max_tokens":5,"top_p":1})"), config, "", backend)->max_tokens == 5);
  CHECK(make_request(json_of(R"({"max_tokens":5,"top_p":1})"), config, "", backend)->top_p.text() == "1");
  CHECK(make_request(json_of(R"({"temperature":0})"), config, "", backend)->temperature.text() == "0");
  CHECK(make_request(json_of(R"({"temperature":null})"), config, "", backend)->temperature.text() == "0.7");
}

TEST_CASE("model request: OpenAI gets no temperature it would refuse, and no local fields") {
  Backend backend;
  backend.adapter = "openai";
  CHECK(make_request(Json(), Json(), "", backend)->temperature.is_null());
  CHECK(make_request(json_of(R"({"temperature":0.05})"), Json(), "", backend)->temperature.is_null());
  CHECK(make_request(json_of(R"({"temperature":-1})"), Json(), "", backend)->temperature.is_null());
  CHECK(make_request(json_of(R"({"temperature":0.5})"), Json(), "", backend)->temperature.text() == "0.5");
  const auto request =
      make_request(json_of(R"({"thinking":true,"reasoning_effort":"low","seed":3})"), Json(), "", backend);
  CHECK(request->extra.is_null());
  CHECK(request->effort == "low");
  CHECK(request->seed.text() == "3");
  CHECK(request->thinking.is_null());
}

TEST_CASE("model request: wrong values are refused by name") {
  for (const char* parameters :
       {R"({"max_tokens":-1})", R"({"max_tokens":"5"})", R"({"max_tokens":1.5})", R"({"max_tokens":1e30})",
        R"({"temperature":"warm"})", R"({"system":5})", R"([1])", R"("x")"}) {
    CAPTURE(parameters);
    const auto request = make_request(json_of(parameters), Json(), "", Backend{});
    REQUIRE_FALSE(request.has_value());
    CHECK(request.error().code == Errc::tool_parameters);
  }
  CHECK(make_request(json_of(R"({"max_tokens":0})"), Json(), "", Backend{})->max_tokens == 4096);
  CHECK(make_request(json_of(R"({"max_tokens":64.0})"), Json(), "", Backend{})->max_tokens == 64);
}

TEST_CASE("model request: vendors get what their API has a place for, and no temperature that a model refuses") {
  const auto request_of = [](const char* adapter, const char* model, const char* parameters,
                             const char* api_version = "") {
    Backend backend;
    backend.adapter = adapter;
    backend.model = model;
    backend.api_version = api_version;
    auto request = make_request(json_of(parameters), Json(), "", backend);
    REQUIRE(request.has_value());
    return std::move(request).value();
  };
  const char* const kWarm = R"({"temperature":0.5})";
  CHECK(request_of("anthropic", "claude-opus-4-6", kWarm).temperature.is_null());
  CHECK(request_of("anthropic", "claude-opus-4-6", kWarm, "2023-06-01").temperature.text() == "0.5");
  CHECK(request_of("anthropic", "claude-opus-4-8", kWarm, "2023-06-01").temperature.is_null());
  CHECK(request_of("openai", "gpt-5", kWarm).temperature.is_null());
  CHECK(request_of("openai", "gpt-5.1", kWarm).temperature.is_null());
  CHECK(request_of("openai", "gpt-5.1", R"({"temperature":0.5,"reasoning_effort":"none"})").temperature.text() ==
        "0.5");
  CHECK(request_of("openai", "gpt-4.1", kWarm).temperature.text() == "0.5");
  CHECK(request_of("google", "gemini-2.5-pro", "{}").temperature.is_null());
  CHECK(request_of("mistral", "mistral-large-latest", "{}").temperature.text() == "7.3e-07");
  const auto full = request_of("google", "gemini-2.5-pro",
                               R"({"reasoning_effort":"low","thinking":2000,"seed":7,"stop":["a","b"],
      "response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"type":"object"}}}})");
  CHECK(full.effort == "low");
  CHECK(full.thinking.text() == "2000");
  CHECK(full.seed.text() == "7");
  CHECK(full.stop == std::vector<std::string>{"a", "b"});
  CHECK(full.format == ReplyFormat::json_schema);
  CHECK(full.schema.text() == R"({"type":"object"})");
  CHECK(full.schema_name == "n");
  CHECK(full.schema_strict == true);
  CHECK(full.extra.is_null());
  Backend google;
  google.adapter = "google";
  for (const char* wrong : {R"({"stop":7})", R"({"stop":[7]})", R"({"reasoning_effort":3})",
                            R"({"response_format":"json"})", R"({"response_format":{"type":"json_schema"}})"}) {
    CAPTURE(wrong);
    CHECK_FALSE(make_request(json_of(wrong), Json(), "", google).has_value());
  }
}
