// SPDX-License-Identifier: Apache-2.0
// OpenAI's two APIs and Mistral's, as their official clients speak and understand them.
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

Endpoint endpoint_of(const std::string& kind) {
  Endpoint endpoint;
  endpoint.base_url = std::string(kOrigin) + "/v1";
  endpoint.key = Secret("test-key");
  endpoint.stream = kind.starts_with("stream");
  return endpoint;
}

/// Which family of cases: they mean the same request in different words.
enum class Dialect { chat, responses, mistral };

void add_tools(ModelRequest& request, const std::string& kind, Dialect dialect) {
  if (kind.find("tool") == std::string::npos) return;
  request.tools = weather_tools(dialect != Dialect::mistral);
  if (kind == "tools") {
    request.tool_choice = ToolChoiceKind::automatic;
    request.parallel_tool_calls = true;
  }
  if (kind == "tool_required") request.tool_choice = ToolChoiceKind::required;
  if (kind == "tool_choice") {
    request.tool_choice = ToolChoiceKind::named;
    request.tool_choice_name = "get_weather";
  }
  if (kind == "tools" || kind == "tool_choice") request.prompt = "What is the weather and time in Oslo?";
  if (kind != "tool_result") return;
  const std::string id = dialect == Dialect::mistral ? "D681PevKs" : "call_A1";
  request.prompt.clear();
  request.messages.resize(3);
  request.messages[0].text = "What is the weather and time in Oslo?";
  request.messages[1].role = ModelRole::assistant;
  request.messages[1].tool_calls = {{id, "get_weather", json_of(R"({"city":"Oslo","unit":"celsius"})")}};
  request.messages[2].role = ModelRole::tool;
  request.messages[2].tool_call_id = id;
  request.messages[2].tool_name = "get_weather";
  request.messages[2].text = R"({"temp":4})";
}

void add_params(ModelRequest& request, Dialect dialect) {
  request.temperature = json_of("0.2");
  request.top_p = json_of("0.9");
  request.max_tokens = 64;
  if (dialect == Dialect::responses) {
    request.extra = json_of(R"({"metadata":{"run":"r1"},"truncation":"disabled","service_tier":"default",
                                "safety_identifier":"u1"})");
    return;
  }
  request.stop = {" three"};
  request.seed = json_of("7");
  request.presence_penalty = json_of("0.1");
  request.frequency_penalty = json_of("0.2");
  request.extra = dialect == Dialect::mistral ? json_of(R"({"safe_prompt":false})")
                                              : json_of(R"({"user":"u1","n":1,"store":false,"metadata":{"run":"r1"}})");
}

void add_reasoning(ModelRequest& request, Dialect dialect, bool is_previous) {
  if (dialect == Dialect::mistral) {
    if (!is_previous) request.effort = "high";
    return;
  }
  request.effort = request.verbosity = "low";
  if (dialect == Dialect::chat) request.max_tokens = 500;
  if (dialect == Dialect::responses) {
    request.thinking = json_of(R"({"summary":"auto"})");
    request.extra = json_of(R"({"include":["reasoning.encrypted_content"]})");
  }
}

/// What the case is about, in the words of no provider.
ModelRequest request_of(const ProviderCase& wanted, Dialect dialect) {
  const auto kind = wanted.kind();
  ModelRequest request;
  request.model = kind == "err_404" ? "nope" : dialect == Dialect::mistral ? "mistral-small-latest" : "gpt-6-luna";
  request.prompt = "Hello!";
  add_tools(request, kind, dialect);
  if (kind == "system") request.system = "Talk like a pirate.";
  if (kind == "params") add_params(request, dialect);
  if (kind == "length") request.max_tokens = dialect == Dialect::responses ? 16 : 4;
  if (kind == "max_tokens_legacy") request.extra = json_of(R"({"max_tokens":4})");
  if (kind == "reasoning") add_reasoning(request, dialect, wanted.name.starts_with("prev/"));
  if (kind == "json_object") request.format = ReplyFormat::json_object;
  if (kind == "err_400" && dialect == Dialect::chat) request.temperature = json_of("0.2");
  if (kind == "image") {
    request.prompt = "Describe.";
    request.images = {red_pixel()};
    if (dialect != Dialect::mistral) request.images[0].detail = "low";
  }
  if (kind == "json_schema" || (kind == "err_400" && dialect == Dialect::responses)) {
    request.format = ReplyFormat::json_schema;
    request.schema_name = "person";
    request.schema = kind == "err_400" ? json_of(R"({"type":"object"})") : person_schema();
    request.schema_strict = true;
  }
  return request;
}

const bj::value* first(const bj::value* object, std::initializer_list<const char*> keys) {
  for (const char* key : keys)
    if (const auto* found = member(object, key)) return found;
  return nullptr;
}

void check_usage(const ModelReply& reply, const bj::value& usage) {
  const auto count = [&](std::initializer_list<const char*> keys) {
    const auto* value = first(&usage, keys);
    return value == nullptr ? 0 : value->to_number<std::uint64_t>();
  };
  CHECK(reply.usage.input_tokens == count({"prompt_tokens", "input_tokens", "promptTokens"}));
  CHECK(reply.usage.output_tokens == count({"completion_tokens", "output_tokens", "completionTokens"}));
  if (const auto* details = first(&usage, {"prompt_tokens_details", "input_tokens_details"})) {
    CHECK(reply.usage.cached_tokens == tokens(details, "cached_tokens"));
    CHECK(reply.usage.cache_write_tokens == tokens(details, "cache_write_tokens"));
  }
  if (const auto* details = first(&usage, {"completion_tokens_details", "output_tokens_details"}))
    CHECK(reply.usage.reasoning_tokens == tokens(details, "reasoning_tokens"));
}

void check_calls(const ModelReply& reply, const bj::array& calls) {
  REQUIRE(reply.tool_calls.size() == calls.size());
  for (std::size_t i = 0; i < calls.size(); ++i) {
    CHECK(reply.tool_calls[i].id == text_member(&calls[i], "id"));
    CHECK(reply.tool_calls[i].name == text_member(&calls[i], "name"));
    CHECK(reply.tool_calls[i].arguments == Json::of(calls[i].at("arguments")));
  }
}

/// The reply against what the client made of it.
void check_parsed(const Outcome& outcome, const ProviderCase& wanted) {
  const auto& parsed = wanted.parsed;
  const auto refusal = text_member(&parsed, "refusal");
  const auto finish = text_member(&parsed, "finish");
  const auto* failure = std::get_if<Failure>(&outcome);
  if (!refusal.empty() || finish == "content_filter") {
    REQUIRE(failure != nullptr);
    CHECK(failure->kind == FailureClass::refused);
    CHECK(failure->message.find(refusal) != std::string::npos);
    return;
  }
  REQUIRE_MESSAGE(failure == nullptr, failure->message);
  const auto& reply = std::get<ModelReply>(outcome);
  CHECK(reply.text == text_member(&parsed, "text"));
  const auto& calls = parsed.at("tool_calls").as_array();
  check_calls(reply, calls);
  check_usage(reply, parsed.at("usage"));
  const auto* incomplete = member(member(&parsed, "incomplete"), "reason");
  if (!finish.empty()) CHECK(reply.finish_reason == finish);
  const bool cut = finish == "length" || incomplete != nullptr;
  CHECK(reply.finish == (cut ? FinishKind::length : calls.empty() ? FinishKind::stop : FinishKind::tool_calls));
  if (const auto model = text_member(&parsed, "model"); !model.empty()) CHECK(reply.model == model);
  const auto header = wanted.reply.header("x-request-id");
  if (!header.empty()) CHECK(reply.request_id == header);
  for (const char* key : {"reasoning", "thinking"})
    if (const auto* thoughts = array_member(&parsed, key); thoughts != nullptr && !thoughts->empty())
      CHECK(reply.reasoning == std::string(thoughts->front().as_string()));
}

FailureClass class_of(unsigned status) {
  static const std::map<unsigned, FailureClass> kClasses{
      {200, FailureClass::server},          {400, FailureClass::invalid_request}, {401, FailureClass::auth},
      {404, FailureClass::invalid_request}, {429, FailureClass::rate_limited},    {500, FailureClass::server},
      {503, FailureClass::overloaded}};
  return kClasses.at(status);
}

void check_failure(const Outcome& outcome, const ProviderCase& wanted) {
  const auto* failure = std::get_if<Failure>(&outcome);
  REQUIRE(failure != nullptr);
  CHECK(failure->kind == class_of(wanted.reply.status));
  CHECK(failure->message.find("test-key") == std::string::npos);
  if (const auto id = wanted.reply.header("x-request-id"); !id.empty())
    CHECK(failure->message.find(id) != std::string::npos);
  if (const auto wait = wanted.reply.header("retry-after-ms"); !wait.empty())
    CHECK(failure->retry_after == Millis(std::stoll(std::string(wait))));
}

void check_list(const Adapter& adapter, const Endpoint& endpoint, const ProviderCase& wanted) {
  if (wanted.kind() == "models") {
    const auto http = adapter.encode_models(endpoint);
    REQUIRE(http.has_value());
    CHECK(differences(wanted, *http, kOrigin) == std::vector<std::string>{});
    const auto outcome = adapter.decode_models(wanted.reply, endpoint);
    REQUIRE(std::holds_alternative<std::vector<ModelListing>>(outcome));
    CHECK(std::get<std::vector<ModelListing>>(outcome).at(0).id == wanted.parsed.at("ids").at(0).as_string());
    return;
  }
  const bool is_mistral = wanted.name.find("mistral") != std::string::npos;
  const EmbeddingRequest request{is_mistral ? "mistral-embed" : "text-embedding-3-small", {"a", "b"}, {}, {}};
  const auto http = adapter.encode_embedding(request, endpoint);
  REQUIRE(http.has_value());
  CHECK(differences(wanted, *http, kOrigin) == std::vector<std::string>{});
  const auto outcome = adapter.decode_embedding(wanted.reply, endpoint);
  REQUIRE(std::holds_alternative<EmbeddingReply>(outcome));
  const auto& reply = std::get<EmbeddingReply>(outcome);
  CHECK(json_differences(wanted.parsed.at("vectors"), reply.vectors.value(), "vectors").empty());
  CHECK(reply.usage.input_tokens == 5);
}

void check_case(const char* adapter_name, const std::string& name, Dialect dialect) {
  CAPTURE(name);
  const auto wanted = load_case(name);
  const auto& adapter = *find_adapter(adapter_name);
  const auto endpoint = endpoint_of(wanted.kind());
  if (wanted.kind() == "models" || wanted.kind() == "embeddings") return check_list(adapter, endpoint, wanted);
  const auto http = adapter.encode(request_of(wanted, dialect), endpoint);
  REQUIRE_MESSAGE(http.has_value(), to_string(http.error()));
  CHECK(differences(wanted, *http, kOrigin) == std::vector<std::string>{});
  // Where the client tried again, its result is of a later reply than the one recorded.
  const bool fails = !wanted.error.is_null() || wanted.reply.status != 200;
  for_each_reading(adapter, endpoint, wanted, [&](const Outcome& outcome) {
    fails ? check_failure(outcome, wanted) : check_parsed(outcome, wanted);
  });
}

void check_folder(const char* adapter, const std::string& folder, Dialect dialect) {
  for (const auto& name : case_names(folder)) check_case(adapter, name, dialect);
}

}  // namespace

TEST_CASE("conformance: Chat Completions") {
  check_folder("openai_chat", "openai-chat", Dialect::chat);
  check_folder("openai_chat", "prev/openai-chat", Dialect::chat);
}

TEST_CASE("conformance: Responses") {
  check_folder("openai_responses", "openai-responses", Dialect::responses);
  check_folder("openai_responses", "prev/openai-responses", Dialect::responses);
}

TEST_CASE("conformance: Mistral") {
  check_folder("mistral", "mistral", Dialect::mistral);
  check_folder("mistral", "prev/mistral", Dialect::mistral);
}

TEST_CASE("conformance: OpenAI by either API") {
  for (const auto& name : case_names("openai-chat")) {
    const auto kind = name.substr(name.rfind('/') + 1);
    // gpt-6 gets its tools by Responses.
    if (kind.find("tool") == std::string::npos) check_case("openai", name, Dialect::chat);
  }
  for (const char* kind : {"stream_tools", "tool_choice", "tool_result", "tools", "reasoning"}) {
    const auto names = case_names("openai-responses");
    if (!names.empty()) check_case("openai", "openai-responses/" + std::string(kind), Dialect::responses);
  }
}
