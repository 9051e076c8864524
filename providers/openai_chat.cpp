// SPDX-License-Identifier: Apache-2.0
#include "providers/openai_chat.hpp"

#include <boost/json.hpp>
#include <utility>

#include "providers/http/url.hpp"
#include "providers/openai_fields.hpp"
#include "providers/openai_reader.hpp"
#include "providers/request_checks.hpp"

namespace hillstar::providers {
namespace {

namespace bj = boost::json;

constexpr double kPenaltyMax = 2;

std::string name_of(const ChatDialect& dialect) {
  return dialect.name == kMistralDialect.name ? "Mistral's API" : "OpenAI's API";
}

/// What the dialect has no words for.
Result<void> check_known(const ModelRequest& request, const ChatDialect& dialect) {
  if (!dialect.knows_local_fields && !request.top_k.is_null())
    return unaskable("top_k", name_of(dialect) + " has no top_k.", "Remove it, or use top_p.");
  if (!dialect.knows_local_fields && !request.thinking.is_null())
    return unaskable("thinking", name_of(dialect) + " has no switch for thinking.", "Set the reasoning effort.");
  if (!dialect.knows_verbosity && !request.verbosity.empty())
    return unaskable("verbosity", name_of(dialect) + " has no verbosity.", "Say it in the prompt.");
  if (dialect.name == kMistralDialect.name && request.effort == "max")
    return unaskable("effort", "Mistral's API has no effort 'max'.", "Set xhigh.");
  if (dialect.stops_max != 0 && request.stop.size() > dialect.stops_max)
    return unaskable("stop", name_of(dialect) + " takes at most " + std::to_string(dialect.stops_max) + " of them.",
                     "Remove some.");
  // Of several replies only the first could be used, and all would be paid.
  if (extra_has(request, "n") && *request.extra.value().get_object().if_contains("n") != 1)
    return unaskable("n", "A call gives one reply.", "Remove n; a map node asks several times.");
  if (dialect.free_numbers) return {};
  HILLSTAR_CHECK(check_range("temperature", request.temperature, 0, dialect.temperature_max));
  HILLSTAR_CHECK(check_range("top_p", request.top_p, 0, 1));
  HILLSTAR_CHECK(check_range("presence_penalty", request.presence_penalty, -kPenaltyMax, kPenaltyMax));
  return check_range("frequency_penalty", request.frequency_penalty, -kPenaltyMax, kPenaltyMax);
}

void set_format(RequestBody& body, const ModelRequest& request) {
  if (request.format == ReplyFormat::text) return;
  if (request.format == ReplyFormat::json_object)
    return body.set("response_format", bj::object{{"type", "json_object"}});
  bj::object schema;
  put_schema(schema, request);
  body.set("response_format", bj::object{{"type", "json_schema"}, {"json_schema", std::move(schema)}});
}

void set_tools(RequestBody& body, const ModelRequest& request, const ChatDialect& dialect) {
  bj::array tools;
  for (const auto& tool : request.tools) {
    bj::object function;
    put_function(function, tool);
    if (tool.strict) function["strict"] = *tool.strict;
    tools.push_back(bj::object{{"type", "function"}, {"function", std::move(function)}});
  }
  if (!tools.empty()) body.set("tools", tools);
  bj::object named{{"type", "function"}, {"function", bj::object{{"name", request.tool_choice_name}}}};
  set_tool_choice(body, request, dialect.required, std::move(named));
}

void set_numbers(RequestBody& body, const ModelRequest& request, const ChatDialect& dialect) {
  body.set("temperature", request.temperature);
  body.set("top_p", request.top_p);
  body.set("top_k", request.top_k);
  if (request.max_tokens) body.set(dialect.max_tokens, bj::value(*request.max_tokens));
  body.set(dialect.seed, request.seed);
  body.set("presence_penalty", request.presence_penalty);
  body.set("frequency_penalty", request.frequency_penalty);
  if (!request.stop.empty()) body.set("stop", bj::array(request.stop.begin(), request.stop.end()));
}

}  // namespace

Result<HttpRequest> OpenAiChat::encode(const ModelRequest& request, const Endpoint& endpoint) const {
  HILLSTAR_TRY(auto url, api_url(endpoint.base_url, "/chat/completions"));
  HILLSTAR_CHECK(check_request(request));
  HILLSTAR_CHECK(check_known(request, dialect_));
  RequestBody body;
  body.set_text("model", request.model);
  set_chat_messages(body, request, dialect_);
  set_numbers(body, request, dialect_);
  if (!request.effort.empty()) body.set_text("reasoning_effort", request.effort);
  body.set("thinking", request.thinking);
  if (!request.verbosity.empty()) body.set_text("verbosity", request.verbosity);
  set_format(body, request);
  set_tools(body, request, dialect_);
  if (endpoint.stream || dialect_.always_says_stream) body.set("stream", bj::value(endpoint.stream));
  if (endpoint.stream && dialect_.says_stream_options) body.set("stream_options", bj::object{{"include_usage", true}});
  // One limit is enough: servers refuse both spellings at once.
  if (request.max_tokens) {
    HILLSTAR_CHECK(body.merge(request.extra, {"stream", "max_tokens", "max_completion_tokens"}));
  } else {
    HILLSTAR_CHECK(body.merge(request.extra, {"stream"}));
  }
  return event_post(std::move(url), endpoint, body.text());
}

std::unique_ptr<ReplyReader> OpenAiChat::reader(const Endpoint& endpoint) const {
  return std::make_unique<OpenAiReader>(endpoint.key);
}

Result<HttpRequest> OpenAiChat::encode_embedding(const EmbeddingRequest& request, const Endpoint& endpoint) const {
  HILLSTAR_TRY(auto url, api_url(endpoint.base_url, "/embeddings"));
  if (request.texts.empty()) return unaskable("texts", "There is no text to embed.", "Give one at least.");
  RequestBody body;
  body.set_text("model", request.model);
  body.set("input", bj::array(request.texts.begin(), request.texts.end()));
  if (request.dimensions) body.set(dialect_.dimensions, bj::value(*request.dimensions));
  if (dialect_.says_encoding) body.set_text("encoding_format", "float");
  // Vectors are read as numbers; base64 is for clients that unpack it.
  HILLSTAR_CHECK(body.merge(request.extra, {"encoding_format"}));
  return json_post(std::move(url), endpoint, body.text());
}

std::variant<EmbeddingReply, Failure> OpenAiChat::decode_embedding(const HttpReply& reply,
                                                                   const Endpoint& endpoint) const {
  return read_openai_embedding(reply, endpoint.key);
}

Result<HttpRequest> OpenAiChat::encode_models(const Endpoint& endpoint) const {
  HILLSTAR_TRY(auto url, api_url(endpoint.base_url, "/models"));
  return json_get(std::move(url), endpoint);
}

std::variant<std::vector<ModelListing>, Failure> OpenAiChat::decode_models(const HttpReply& reply,
                                                                           const Endpoint& endpoint) const {
  return read_openai_models(reply, endpoint.key);
}

}  // namespace hillstar::providers
