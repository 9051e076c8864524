// SPDX-License-Identifier: Apache-2.0
#include "providers/openai.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "providers/openai_reader.hpp"
#include "providers/request_checks.hpp"
#include "runtime/policy/openai_models.hpp"

namespace hillstar::providers {
namespace {

/// Fields of a body that only one of the APIs knows. Source: OpenAI's OpenAPI description (2026-08).
constexpr std::array<std::string_view, 18> kChatOnly{
    "audio",      "frequency_penalty", "function_call",         "functions",       "logit_bias",
    "logprobs",   "max_tokens",        "max_completion_tokens", "modalities",      "n",
    "prediction", "presence_penalty",  "reasoning_effort",      "response_format", "seed",
    "stop",       "verbosity",         "web_search_options"};
constexpr std::array<std::string_view, 13> kResponsesOnly{
    "background",     "context_management",   "conversation", "include",   "input", "instructions", "max_output_tokens",
    "max_tool_calls", "previous_response_id", "prompt",       "reasoning", "text",  "truncation"};

struct Need {
  std::string field;
  std::string why;
};

std::optional<Need> chat_need(const ModelRequest& request) {
  const auto only = [](std::string_view field) {
    return Need{std::string(field), "'" + std::string(field) + "' is a field of Chat Completions"};
  };
  if (!request.stop.empty()) return only("stop");
  if (!request.seed.is_null()) return only("seed");
  if (!request.presence_penalty.is_null()) return only("presence_penalty");
  if (!request.frequency_penalty.is_null()) return only("frequency_penalty");
  for (const auto field : kChatOnly)
    if (extra_has(request, field)) return only(field);
  return std::nullopt;
}

std::optional<Need> responses_need(const ModelRequest& request) {
  const bool goes_back =
      std::any_of(request.messages.begin(), request.messages.end(), [](const auto& t) { return is_responses_turn(t); });
  if (goes_back) return Need{"messages", "a turn's encrypted reasoning goes back by Responses"};
  for (const auto field : kResponsesOnly)
    if (extra_has(request, field))
      return Need{std::string(field), "'" + std::string(field) + "' is a field of Responses"};
  if (request.thinking.text().starts_with('{'))
    return Need{"thinking", "options of reasoning are a field of Responses"};
  const bool tools = !request.tools.empty() && request.effort != "none";
  if (tools && !policy::openai_family(request.model).chat_tools_with_effort)
    return Need{"tools", "this model takes tools together with reasoning by Responses only"};
  return std::nullopt;
}

}  // namespace

Result<HttpRequest> OpenAi::encode(const ModelRequest& request, const Endpoint& endpoint) const {
  const auto responses = responses_need(request);
  if (!responses) return chat_.encode(request, endpoint);
  const auto chat = chat_need(request);
  if (!chat) return responses_.encode(request, endpoint);
  const std::string out = responses->field == "tools" ? ", or set the reasoning effort to none." : ".";
  return unaskable(chat->field, "No API of OpenAI takes both: " + chat->why + ", but " + responses->why + ".",
                   "Remove '" + chat->field + "'" + out);
}

std::unique_ptr<ReplyReader> OpenAi::reader(const Endpoint& endpoint) const { return chat_.reader(endpoint); }

Result<HttpRequest> OpenAi::encode_embedding(const EmbeddingRequest& request, const Endpoint& endpoint) const {
  return chat_.encode_embedding(request, endpoint);
}

std::variant<EmbeddingReply, Failure> OpenAi::decode_embedding(const HttpReply& reply, const Endpoint& endpoint) const {
  return chat_.decode_embedding(reply, endpoint);
}

Result<HttpRequest> OpenAi::encode_models(const Endpoint& endpoint) const { return chat_.encode_models(endpoint); }

std::variant<std::vector<ModelListing>, Failure> OpenAi::decode_models(const HttpReply& reply,
                                                                       const Endpoint& endpoint) const {
  return chat_.decode_models(reply, endpoint);
}

Result<HttpRequest> OpenAi::encode_count(const ModelRequest& request, const Endpoint& endpoint) const {
  return responses_.encode_count(request, endpoint);
}

std::variant<std::uint64_t, Failure> OpenAi::decode_count(const HttpReply& reply, const Endpoint& endpoint) const {
  return responses_.decode_count(reply, endpoint);
}

}  // namespace hillstar::providers
