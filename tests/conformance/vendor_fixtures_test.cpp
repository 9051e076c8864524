// SPDX-License-Identifier: Apache-2.0
// Anthropic's, Google's and Ollama's APIs, as their official clients speak and understand them.
#include <doctest/doctest.h>

#include <map>

#include "providers/fields.hpp"
#include "tests/conformance/provider_fixtures.hpp"

using namespace hillstar;
using namespace hillstar::conformance;
using namespace hillstar::providers;
namespace bj = boost::json;

namespace {

constexpr std::string_view kOrigin = "http://127.0.0.1:1";

enum class Vendor { anthropic, google, ollama };

Endpoint endpoint_of(const ProviderCase& wanted, Vendor vendor) {
  const bool previous = wanted.name.starts_with("prev/");
  Endpoint endpoint;
  endpoint.base_url = std::string(kOrigin);
  if (vendor != Vendor::ollama) endpoint.key = Secret("test-key");
  endpoint.stream = wanted.kind().starts_with("stream");
  if (vendor == Vendor::anthropic) endpoint.api_version = previous ? "2023-06-01" : "";
  if (vendor == Vendor::google) endpoint.api_version = previous ? "v1beta" : "";
  return endpoint;
}

void add_tools(ModelRequest& request, const std::string& kind, Vendor vendor) {
  if (kind.find("tool") == std::string::npos && !(kind == "err_400" && vendor == Vendor::ollama)) return;
  request.tools = weather_tools(false);
  if (vendor != Vendor::anthropic) request.tools[0].strict.reset();
  if (kind == "tools" && vendor == Vendor::anthropic) request.tool_choice = ToolChoiceKind::automatic;
  if (kind == "tool_any") request.tool_choice = ToolChoiceKind::required;
  if (kind == "tool_choice") {
    request.tool_choice = ToolChoiceKind::named;
    request.tool_choice_name = "get_weather";
    if (vendor == Vendor::anthropic) request.parallel_tool_calls = false;
  }
  if (kind == "tools" || kind == "tool_choice") request.prompt = "What is the weather and time in Oslo?";
  if (kind != "tool_result") return;
  const std::string id = vendor == Vendor::google ? "fc-a1" : "toolu_A1";
  const auto arguments = json_of(R"({"city":"Oslo","unit":"celsius"})");
  request.prompt.clear();
  request.messages.resize(3);
  request.messages[0].text = "What is the weather and time in Oslo?";
  request.messages[1].role = ModelRole::assistant;
  request.messages[1].tool_calls = {{id, "get_weather", arguments}};
  if (vendor == Vendor::anthropic) request.messages[1].text = "I'll look that up.";
  if (vendor == Vendor::google)
    request.messages[1].verbatim = json_of(R"({"adapter":"google","content":[{"functionCall":{"id":"fc-a1",
        "name":"get_weather","args":{"city":"Oslo","unit":"celsius"}},"thoughtSignature":"CpcBAXLI2nw-opaque"}]})");
  request.messages[2].role = ModelRole::tool;
  request.messages[2].tool_call_id = id;
  request.messages[2].tool_name = "get_weather";
  request.messages[2].text = R"({"temp":4})";
}

void add_params(ModelRequest& request, Vendor vendor, bool previous) {
  request.max_tokens = 64;
  request.stop = {" three"};
  if (vendor == Vendor::anthropic) {
    request.extra = json_of(R"({"metadata":{"user_id":"u1"},"service_tier":"auto"})");
    if (previous) request.temperature = json_of("0.2");
    if (previous) request.top_k = json_of("40");
    return;
  }
  request.temperature = json_of("0.2");
  request.top_p = json_of("0.9");
  request.top_k = json_of("40");
  request.seed = json_of("7");
  if (vendor == Vendor::google) {
    request.presence_penalty = json_of("0.1");
    request.frequency_penalty = json_of("0.2");
    request.extra = json_of(R"({"generationConfig":{"candidateCount":1}})");
  } else {
    request.extra = json_of(R"({"keep_alive":"5m","options":{"num_ctx":4096}})");
  }
}

void add_reasoning(ModelRequest& request, Vendor vendor, bool budget) {
  if (budget) {
    request.thinking = json_of(vendor == Vendor::google ? "1024" : "2048");
    if (vendor == Vendor::anthropic) request.max_tokens = 4096;
    return;
  }
  if (vendor != Vendor::ollama) request.effort = "low";
  request.thinking = vendor == Vendor::anthropic ? json_of("\"adaptive\"") : json_of("true");
}

/// What the case is about, in the words of no provider.
ModelRequest request_of(const ProviderCase& wanted, Vendor vendor) {
  const auto kind = wanted.kind();
  ModelRequest request;
  request.model = vendor == Vendor::anthropic ? "claude-haiku-5-5"
                  : vendor == Vendor::google  ? "gemini-3.5-flash"
                                              : "llama3.2";
  request.prompt = "Hello!";
  if (vendor == Vendor::anthropic) request.max_tokens = 1024;
  if (vendor == Vendor::anthropic && kind == "err_404") request.model = "nope";
  add_tools(request, kind, vendor);
  if (kind.starts_with("system")) request.system = "Talk like a pirate.";
  if (kind == "system_cached") request.system_cache = "1h";
  if (kind == "params") add_params(request, vendor, wanted.name.starts_with("prev/"));
  if (kind == "length") request.max_tokens = 4;
  if (kind.starts_with("reasoning")) add_reasoning(request, vendor, kind == "reasoning_budget");
  if (kind == "json_object") request.format = ReplyFormat::json_object;
  if (kind == "json_schema") {
    request.format = ReplyFormat::json_schema;
    request.schema = person_schema();
  }
  if (kind == "safety")
    request.extra = json_of(R"({"safetySettings":[{"category":"HARM_CATEGORY_DANGEROUS_CONTENT",
                                "threshold":"BLOCK_LOW_AND_ABOVE"}]})");
  if (kind == "image") {
    request.prompt = "Describe.";
    request.images = {red_pixel()};
  }
  return request;
}

std::uint64_t count(const bj::value& usage, std::initializer_list<const char*> keys) {
  std::uint64_t sum = 0;
  for (const char* key : keys) sum += tokens(&usage, key).value_or(0);
  return sum;
}

void check_usage(const ModelReply& reply, const bj::value& usage) {
  CHECK(reply.usage.input_tokens == count(usage, {"input_tokens", "cache_creation_input_tokens",
                                                  "cache_read_input_tokens", "promptTokenCount", "prompt_eval_count"}));
  CHECK(reply.usage.output_tokens ==
        count(usage, {"output_tokens", "candidatesTokenCount", "thoughtsTokenCount", "eval_count"}));
  const auto cached = tokens(&usage, "cache_read_input_tokens");
  CHECK(reply.usage.cached_tokens == (cached ? cached : tokens(&usage, "cachedContentTokenCount")));
  const auto thought = tokens(member(&usage, "output_tokens_details"), "thinking_tokens");
  CHECK(reply.usage.reasoning_tokens == (thought ? thought : tokens(&usage, "thoughtsTokenCount")));
}

void check_calls(const ModelReply& reply, const bj::array& calls) {
  REQUIRE(reply.tool_calls.size() == calls.size());
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (const auto id = text_member(&calls[i], "id"); !id.empty()) CHECK(reply.tool_calls[i].id == id);
    CHECK_FALSE(reply.tool_calls[i].id.empty());
    CHECK(reply.tool_calls[i].name == text_member(&calls[i], "name"));
    CHECK(reply.tool_calls[i].arguments == Json::of(calls[i].at("arguments")));
  }
}

/// A text, or a list of texts or of objects with one.
std::string thoughts_in(const bj::value& parsed) {
  const auto* thinking = member(&parsed, "thinking");
  if (thinking == nullptr) return {};
  if (thinking->is_string()) return std::string(thinking->get_string());
  std::string all;
  for (const auto& thought : thinking->as_array())
    all += thought.is_string() ? std::string_view(thought.get_string()) : text_member(&thought, "text");
  return all;
}

FinishKind finish_of(std::string_view word, const ModelReply& reply) {
  static const std::map<std::string_view, FinishKind> kKinds{
      {"end_turn", FinishKind::stop},     {"stop_sequence", FinishKind::stop}, {"tool_use", FinishKind::tool_calls},
      {"max_tokens", FinishKind::length}, {"MAX_TOKENS", FinishKind::length},  {"length", FinishKind::length}};
  const auto found = kKinds.find(word);
  if (found != kKinds.end()) return found->second;
  return reply.tool_calls.empty() ? FinishKind::stop : FinishKind::tool_calls;
}

void check_parsed(const Outcome& outcome, const ProviderCase& wanted) {
  const auto& parsed = wanted.parsed;
  const auto finish = text_member(&parsed, "finish");
  const auto* failure = std::get_if<Failure>(&outcome);
  if (finish == "refusal" || finish == "SAFETY") {
    REQUIRE(failure != nullptr);
    CHECK(failure->kind == FailureClass::refused);
    if (finish == "refusal") CHECK(failure->message.find("cyber") != std::string::npos);
    return;
  }
  REQUIRE_MESSAGE(failure == nullptr, failure->message);
  const auto& reply = std::get<ModelReply>(outcome);
  CHECK(reply.text == text_member(&parsed, "text"));
  CHECK(reply.reasoning.value_or("") == thoughts_in(parsed));
  CHECK(reply.finish_reason == finish);
  CHECK(reply.finish == finish_of(finish, reply));
  check_calls(reply, parsed.at("tool_calls").as_array());
  check_usage(reply, parsed.at("usage"));
  if (const auto model = text_member(&parsed, "model"); !model.empty()) CHECK(reply.model == model);
  if (const auto id = text_member(&parsed, "request_id"); !id.empty()) CHECK(reply.request_id == id);
  // Signatures go back as they came.
  if (const auto* thinking = array_member(&parsed, "thinking"))
    for (const auto& thought : *thinking)
      if (thought.is_object())
        CHECK(reply.verbatim.text().find(text_member(&thought, "signature")) != std::string::npos);
}

FailureClass class_of(unsigned status) {
  static const std::map<unsigned, FailureClass> kClasses{
      {400, FailureClass::invalid_request}, {401, FailureClass::auth},
      {402, FailureClass::quota},           {403, FailureClass::auth},
      {404, FailureClass::invalid_request}, {429, FailureClass::rate_limited},
      {500, FailureClass::server},          {503, FailureClass::overloaded},
      {529, FailureClass::overloaded}};
  return kClasses.at(status);
}

void check_failure(const Outcome& outcome, const ProviderCase& wanted, Vendor vendor) {
  REQUIRE(std::holds_alternative<Failure>(outcome));
  const auto& failure = std::get<Failure>(outcome);
  CAPTURE(failure.message);
  auto kind = wanted.reply.status == 200 ? FailureClass::overloaded : class_of(wanted.reply.status);
  if (wanted.kind() == "stream_error" && vendor == Vendor::ollama) kind = FailureClass::server;
  if (wanted.kind() == "err_400" && vendor == Vendor::google) kind = FailureClass::auth;  // the key is not valid
  CHECK(failure.kind == kind);
  if (const auto id = text_member(&wanted.error, "requestID"); !id.empty())
    CHECK(failure.message.find(id) != std::string::npos);
  if (vendor == Vendor::google && wanted.reply.status == 429) CHECK(failure.retry_after == Millis(1200));
  if (vendor == Vendor::anthropic && wanted.reply.status == 429) CHECK(failure.retry_after == Millis(1000));
  if (vendor == Vendor::anthropic && wanted.reply.status == 529) CHECK(failure.retry_after == Millis(20));
}

bool check_lists(const Adapter& adapter, const Endpoint& endpoint, const ProviderCase& wanted) {
  const auto kind = wanted.kind();
  if (kind == "embeddings") {
    const bool google = wanted.name.find("gemini") != std::string::npos;
    EmbeddingRequest request;
    request.model = google ? "gemini-embedding-001" : "all-minilm";
    request.texts = {"a", "b"};
    if (google) request.dimensions = 3;
    const auto http = adapter.encode_embedding(request, endpoint);
    REQUIRE(http.has_value());
    for (const auto& line : differences(wanted, *http, kOrigin)) FAIL_CHECK(line);
    const auto reply = adapter.decode_embedding(wanted.reply, endpoint);
    REQUIRE(std::holds_alternative<EmbeddingReply>(reply));
    CHECK(std::get<EmbeddingReply>(reply).vectors == Json::of(wanted.parsed.at("vectors")));
  } else if (kind == "models") {
    const auto http = adapter.encode_models(endpoint);
    REQUIRE(http.has_value());
    for (const auto& line : differences(wanted, *http, kOrigin)) FAIL_CHECK(line);
    const auto reply = adapter.decode_models(wanted.reply, endpoint);
    REQUIRE(std::holds_alternative<std::vector<ModelListing>>(reply));
    bj::array ids;
    for (const auto& model : std::get<std::vector<ModelListing>>(reply)) ids.emplace_back(model.id);
    CHECK(Json::of(ids) == Json::of(wanted.parsed.at("ids")));
  } else if (kind == "count_tokens") {
    const auto http = adapter.encode_count(request_of(wanted, Vendor::anthropic), endpoint);
    REQUIRE(http.has_value());
    for (const auto& line : differences(wanted, *http, kOrigin)) FAIL_CHECK(line);
    const auto reply = adapter.decode_count(wanted.reply, endpoint);
    REQUIRE(std::holds_alternative<std::uint64_t>(reply));
    CHECK(std::get<std::uint64_t>(reply) == tokens(&wanted.parsed, "input_tokens"));
  } else {
    return false;
  }
  return true;
}

void check_all(const std::string& folder, const char* name, Vendor vendor) {
  const auto* adapter = find_adapter(name);
  REQUIRE(adapter != nullptr);
  for (const auto& named : case_names(folder)) {
    CAPTURE(named);
    const auto wanted = load_case(named);
    const auto endpoint = endpoint_of(wanted, vendor);
    if (check_lists(*adapter, endpoint, wanted)) continue;
    const auto http = adapter->encode(request_of(wanted, vendor), endpoint);
    if (!http) FAIL(to_string(http.error()));
    for (const auto& line : differences(wanted, *http, kOrigin)) FAIL_CHECK(line);
    for_each_reading(*adapter, endpoint, wanted, [&](const Outcome& outcome) {
      // Retried calls: the first answer is the one that is recorded.
      if (wanted.reply.status != 200 || !wanted.error.is_null())
        check_failure(outcome, wanted, vendor);
      else
        check_parsed(outcome, wanted);
    });
  }
}

}  // namespace

TEST_CASE("provider fixtures: Anthropic, both versions") {
  check_all("anthropic", "anthropic", Vendor::anthropic);
  check_all("prev/anthropic", "anthropic", Vendor::anthropic);
}

TEST_CASE("provider fixtures: Google, v1 and v1beta") {
  check_all("gemini", "google", Vendor::google);
  check_all("prev/gemini", "google", Vendor::google);
}

TEST_CASE("provider fixtures: Ollama") {
  check_all("ollama", "ollama", Vendor::ollama);
  check_all("prev/ollama", "ollama", Vendor::ollama);
}
