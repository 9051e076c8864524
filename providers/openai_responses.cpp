// SPDX-License-Identifier: Apache-2.0
#include "providers/openai_responses.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <utility>

#include "messages/json.hpp"
#include "providers/conversation.hpp"
#include "providers/http/url.hpp"
#include "providers/json_http.hpp"
#include "providers/openai_chat.hpp"
#include "providers/openai_fields.hpp"
#include "providers/openai_reader.hpp"
#include "providers/request_body.hpp"
#include "providers/request_checks.hpp"

namespace hillstar::providers {
namespace {

namespace bj = boost::json;

/// What the endpoint that counts knows of a request.
constexpr std::array<std::string_view, 11> kCounted{"conversation",
                                                    "previous_response_id",
                                                    "model",
                                                    "input",
                                                    "instructions",
                                                    "reasoning",
                                                    "text",
                                                    "tools",
                                                    "tool_choice",
                                                    "truncation",
                                                    "parallel_tool_calls"};

Error not_here(std::string_view field) {
  return unaskable(field, "OpenAI's Responses have no " + std::string(field) + ".",
                   "Remove it, or use the adapter openai_chat.");
}

Result<void> check_known(const ModelRequest& request) {
  if (!request.stop.empty()) return not_here("stop");
  if (!request.seed.is_null()) return not_here("seed");
  if (!request.top_k.is_null()) return not_here("top_k");
  if (!request.presence_penalty.is_null()) return not_here("presence_penalty");
  if (!request.frequency_penalty.is_null()) return not_here("frequency_penalty");
  if (extra_has(request, "n")) return not_here("n");
  if (!request.thinking.is_null() && !request.thinking.text().starts_with('{'))
    return unaskable("thinking", "OpenAI's API has no switch for thinking.", "Set the reasoning effort.");
  HILLSTAR_CHECK(check_range("temperature", request.temperature, 0, 2));
  return check_range("top_p", request.top_p, 0, 1);
}

bj::array parts_of(const std::string& text, const std::vector<ModelImage>& images) {
  bj::array parts;
  if (!text.empty() || images.empty()) parts.push_back(bj::object{{"type", "input_text"}, {"text", text}});
  for (const auto& image : images) {
    const std::string detail = image.detail.empty() ? "auto" : image.detail;
    parts.push_back(bj::object{{"type", "input_image"}, {"image_url", data_url(image)}, {"detail", detail}});
  }
  return parts;
}

bj::object message_of(std::string_view role, bj::value content) {
  return bj::object{{"role", role}, {"content", std::move(content)}};
}

void append_assistant(bj::array& input, const ModelTurn& turn) {
  if (auto kept = kept_list(turn, kResponsesAdapter)) {
    for (auto& item : *kept) input.push_back(std::move(item));
    return;
  }
  // llama.cpp knows a message of the assistant by its type only.
  if (!turn.text.empty())
    input.push_back(bj::object{{"type", "message"}, {"role", "assistant"}, {"content", turn.text}});
  for (const auto& call : turn.tool_calls)
    input.push_back(bj::object{
        {"type", "function_call"}, {"call_id", call.id}, {"name", call.name}, {"arguments", arguments_text(call)}});
}

void append_turn(bj::array& input, const ModelTurn& turn) {
  switch (turn.role) {
    case ModelRole::system:
      return input.push_back(message_of("system", bj::value(turn.text)));
    case ModelRole::developer:
      return input.push_back(message_of("developer", bj::value(turn.text)));
    case ModelRole::user:
      return input.push_back(
          message_of("user", turn.images.empty() ? bj::value(turn.text) : parts_of(turn.text, turn.images)));
    case ModelRole::assistant:
      return append_assistant(input, turn);
    case ModelRole::tool:
      input.push_back(
          bj::object{{"type", "function_call_output"}, {"call_id", turn.tool_call_id}, {"output", turn.text}});
  }
}

void set_input(RequestBody& body, const ModelRequest& request) {
  if (request.messages.empty() && request.images.empty()) return body.set_text("input", request.prompt);
  bj::array input;
  for (const auto& turn : request.messages) append_turn(input, turn);
  if (has_prompt_turn(request)) input.push_back(message_of("user", parts_of(request.prompt, request.images)));
  body.set("input", input);
}

void set_reasoning(RequestBody& body, const ModelRequest& request) {
  bj::object reasoning;
  if (!request.effort.empty()) reasoning["effort"] = request.effort;
  if (!request.thinking.is_null()) {
    const auto thinking = request.thinking.value();
    for (const auto& [key, value] : thinking.get_object()) reasoning.emplace(key, value);
  }
  if (!reasoning.empty()) body.set("reasoning", reasoning);
  // Without it the reasoning between two calls of tools would be lost: the provider stores nothing.
  const bool loops = !request.tools.empty() && !reasoning.empty() && request.effort != "none";
  if (loops && !extra_has(request, "include")) body.set("include", bj::array{"reasoning.encrypted_content"});
}

void set_text_options(RequestBody& body, const ModelRequest& request) {
  bj::object text;
  if (request.format == ReplyFormat::json_object) text["format"] = bj::object{{"type", "json_object"}};
  if (request.format == ReplyFormat::json_schema) {
    bj::object format{{"type", "json_schema"}};
    put_schema(format, request);
    text["format"] = std::move(format);
  }
  if (!request.verbosity.empty()) text["verbosity"] = request.verbosity;
  if (!text.empty()) body.set("text", text);
}

void set_tools(RequestBody& body, const ModelRequest& request) {
  bj::array tools;
  for (const auto& tool : request.tools) {
    bj::object made{{"type", "function"}};
    put_function(made, tool);
    // This API takes silence as a yes, and refuses most schemas then.
    made["strict"] = tool.strict.value_or(false);
    tools.push_back(std::move(made));
  }
  if (!tools.empty()) body.set("tools", tools);
  set_tool_choice(body, request, "required", {{"type", "function"}, {"name", request.tool_choice_name}});
}

Result<RequestBody> body_of(const ModelRequest& request, bool stream) {
  HILLSTAR_CHECK(check_request(request));
  HILLSTAR_CHECK(check_known(request));
  RequestBody body;
  body.set_text("model", request.model);
  if (!request.system.empty()) body.set_text("instructions", request.system);
  set_input(body, request);
  body.set("temperature", request.temperature);
  body.set("top_p", request.top_p);
  if (request.max_tokens) body.set("max_output_tokens", bj::value(*request.max_tokens));
  set_reasoning(body, request);
  set_text_options(body, request);
  set_tools(body, request);
  body.set("store", bj::value(false));
  if (stream) body.set("stream", bj::value(true));
  HILLSTAR_CHECK(body.merge(request.extra, {"stream"}));
  return body;
}

}  // namespace

bool is_responses_turn(const ModelTurn& turn) { return kept_list(turn, kResponsesAdapter).has_value(); }

Result<HttpRequest> OpenAiResponses::encode(const ModelRequest& request, const Endpoint& endpoint) const {
  HILLSTAR_TRY(auto url, api_url(endpoint.base_url, "/responses"));
  HILLSTAR_TRY(const auto body, body_of(request, endpoint.stream));
  return event_post(std::move(url), endpoint, body.text());
}

std::unique_ptr<ReplyReader> OpenAiResponses::reader(const Endpoint& endpoint) const {
  return std::make_unique<OpenAiReader>(endpoint.key);
}

Result<HttpRequest> OpenAiResponses::encode_models(const Endpoint& endpoint) const {
  HILLSTAR_TRY(auto url, api_url(endpoint.base_url, "/models"));
  return json_get(std::move(url), endpoint);
}

std::variant<std::vector<ModelListing>, Failure> OpenAiResponses::decode_models(const HttpReply& reply,
                                                                                const Endpoint& endpoint) const {
  return read_openai_models(reply, endpoint.key);
}

Result<HttpRequest> OpenAiResponses::encode_count(const ModelRequest& request, const Endpoint& endpoint) const {
  HILLSTAR_TRY(auto url, api_url(endpoint.base_url, "/responses/input_tokens"));
  HILLSTAR_TRY(const auto body, body_of(request, false));
  const auto whole = json::parse(body.text());
  if (!whole) return whole.error();
  RequestBody counted;
  for (const auto& [name, value] : whole->get_object())
    if (std::find(kCounted.begin(), kCounted.end(), std::string_view(name)) != kCounted.end()) counted.set(name, value);
  return json_post(std::move(url), endpoint, counted.text());
}

std::variant<std::uint64_t, Failure> OpenAiResponses::decode_count(const HttpReply& reply,
                                                                   const Endpoint& endpoint) const {
  return count_in(reply, endpoint, "input_tokens");
}

}  // namespace hillstar::providers
