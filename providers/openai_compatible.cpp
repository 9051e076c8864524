// SPDX-License-Identifier: Apache-2.0
#include "providers/openai_compatible.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <optional>
#include <utility>

#include "messages/json.hpp"
#include "providers/body_reader.hpp"
#include "providers/failure.hpp"
#include "providers/fields.hpp"
#include "providers/http/url.hpp"
#include "providers/text.hpp"

namespace hillstar::providers {
namespace {

namespace bj = boost::json;

constexpr std::string_view kNoText = "model response contained no text content";

/// Fields that the request itself decides; `extra` cannot change them.
constexpr std::array<std::string_view, 8> kReserved{
    "model", "messages", "max_tokens", "max_completion_tokens", "temperature", "stream", "stream_options", "n"};

class Reader final : public BodyReader {
 public:
  using BodyReader::BodyReader;

 private:
  [[nodiscard]] bool is_complete() const override { return !reply_.finish_reason.empty(); }

  /// One chunk of a stream, or a whole reply: they differ in `delta` and `message` only.
  void on_value(std::string_view event, const bj::value& value, bool streamed, ModelChunk& chunk) override {
    if (const auto* error = member(&value, "error")) return fail(*error);
    if (event == "error") return fail(value);
    set_name(reply_.model, text_member(&value, "model"));
    set_name(reply_.fingerprint, text_member(&value, "system_fingerprint"));
    set_name(id_, text_member(&value, "id"));
    if (const auto* usage = member(&value, "usage")) take_usage(usage);
    const auto* choices = array_member(&value, "choices");
    if (choices == nullptr) {
      if (!streamed) fail(FailureClass::empty_reply, std::string(kNoText) + ": no choices");
      return;
    }
    for (const auto& choice : *choices) {
      const auto* index = member(&choice, "index");
      if (index != nullptr && index->is_number() && *index != 0) continue;
      const auto* part = member(&choice, "delta");
      if (part == nullptr) part = member(&choice, "message");
      take_part(part, chunk);
      if (const auto reason = text_member(&choice, "finish_reason"); !reason.empty())
        reply_.finish_reason = reason.substr(0, kNameBytesMax);
    }
  }

  void take_part(const bj::value* part, ModelChunk& chunk) {
    if (const auto* content = member(part, "content")) take_content(*content, chunk);
    auto reasoning = text_member(part, "reasoning_content");
    if (reasoning.empty()) reasoning = text_member(part, "reasoning");
    add_reasoning(reasoning, chunk);
    refusal_ += text_member(part, "refusal");
    const auto* calls = array_member(part, "tool_calls");
    has_tool_calls_ =
        has_tool_calls_ || member(part, "function_call") != nullptr || (calls != nullptr && !calls->empty());
  }

  /// Text, or a list of parts as Mistral's reasoning models send it.
  void take_content(const bj::value& content, ModelChunk& chunk) {
    if (content.is_string()) return add_text(content.get_string(), chunk);
    if (!content.is_array()) return;
    for (const auto& part : content.get_array()) {
      add_text(text_member(&part, "text"), chunk);
      const auto* thinking = array_member(&part, "thinking");
      if (thinking == nullptr) continue;
      for (const auto& thought : *thinking) add_reasoning(text_member(&thought, "text"), chunk);
    }
  }

  void take_usage(const bj::value* usage) {
    auto& to = reply_.usage;
    to.input_tokens = tokens(usage, "prompt_tokens").value_or(to.input_tokens);
    to.output_tokens = tokens(usage, "completion_tokens").value_or(to.output_tokens);
    if (const auto count = tokens(member(usage, "prompt_tokens_details"), "cached_tokens")) to.cached_tokens = count;
    if (const auto count = tokens(member(usage, "completion_tokens_details"), "reasoning_tokens"))
      to.reasoning_tokens = count;
  }

  std::variant<ModelReply, Failure> result(const HttpReply& http) override {
    reply_.text = trimmed(text());
    if (reply_.text.empty()) return empty();
    if (!reasoning().empty()) reply_.reasoning = reasoning();
    reply_.request_id = std::string(http.header("x-request-id").substr(0, kNameBytesMax));
    if (reply_.request_id.empty()) reply_.request_id = id_;
    return reply_;
  }

  /// Why there is no text, as far as the reply tells.
  [[nodiscard]] Failure empty() const {
    if (!refusal_.empty())
      return {FailureClass::refused, "The model refused: " + excerpt(refusal_, key()), std::nullopt};
    if (reply_.finish_reason == "content_filter")
      return {FailureClass::refused, "The provider's content filter withheld the reply.", std::nullopt};
    std::string message(kNoText);
    if (has_tool_calls_)
      message += ": it only asks for tool calls, which a model_call node does not make";
    else if (!reply_.finish_reason.empty())
      message += " (finish reason: " + excerpt(reply_.finish_reason, key()) + ")";
    return {FailureClass::empty_reply, std::move(message), std::nullopt};
  }

  ModelReply reply_;
  std::string refusal_;
  std::string id_;
  bool has_tool_calls_ = false;
};

void append_message(std::string& body, std::string_view role, const std::string& content) {
  body += R"({"role":)";
  json::append_string(body, role);
  body += R"(,"content":)";
  json::append_string(body, json::to_utf8(content));
  body += '}';
}

}  // namespace

Result<HttpRequest> OpenAiCompatible::encode(const ModelRequest& request, const Endpoint& endpoint) const {
  HttpRequest http;
  HILLSTAR_TRY(http.url, api_url(endpoint.base_url, "/chat/completions"));
  std::string& body = http.body;
  body = R"({"model":)";
  json::append_string(body, json::to_utf8(request.model));
  body += R"(,"messages":[)";
  if (!request.system.empty()) {
    append_message(body, "system", request.system);
    body += ',';
  }
  append_message(body, "user", request.prompt);
  body += ']';
  if (!request.temperature.is_null()) body += R"(,"temperature":)" + request.temperature.text();
  if (request.max_tokens) {
    body += dialect_ == Dialect::openai ? R"(,"max_completion_tokens":)" : R"(,"max_tokens":)";
    body += std::to_string(*request.max_tokens);
  }
  const auto extra = request.extra.value();
  if (!extra.is_object() && !extra.is_null())
    return Error{Errc::tool_parameters, "Further request fields must be an object.", "/parameters"};
  if (const auto* fields = extra.if_object()) {
    for (const auto& [name, value] : *fields) {
      if (std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end()) continue;
      body += ',';
      json::append_string(body, name);
      body += ':';
      json::append_canonical(body, value);
    }
  }
  if (endpoint.stream) body += R"(,"stream":true,"stream_options":{"include_usage":true})";
  body += '}';
  http.headers = {{"content-type", "application/json"},
                  {"accept", endpoint.stream ? "text/event-stream, application/json" : "application/json"},
                  {"user-agent", "hillstar-actors"}};
  http.bearer = endpoint.key;
  return http;
}

std::unique_ptr<ReplyReader> OpenAiCompatible::reader(const Endpoint& endpoint) const {
  return std::make_unique<Reader>(endpoint.key);
}

}  // namespace hillstar::providers
