// SPDX-License-Identifier: Apache-2.0
// Chat Completions replies, and what both of OpenAI's APIs have in common.
#include <boost/json.hpp>
#include <utility>

#include "messages/json.hpp"
#include "providers/failure.hpp"
#include "providers/fields.hpp"
#include "providers/openai_reader.hpp"
#include "providers/text.hpp"

namespace hillstar::providers {
namespace {

namespace bj = boost::json;

constexpr std::string_view kNoText = "model response contained no text content";

bool says_responses(std::string_view type, const bj::value& value) {
  return type.starts_with("response.") || text_member(&value, "object") == "response" ||
         (array_member(&value, "output") != nullptr && member(&value, "choices") == nullptr);
}

FinishKind finish_of(std::string_view reason, bool has_calls) {
  if (reason == "length" || reason == "model_length") return FinishKind::length;
  if (reason == "content_filter") return FinishKind::content_filter;
  // A forced call ends with "stop": the calls decide, not the word.
  if (has_calls || reason == "tool_calls" || reason == "function_call") return FinishKind::tool_calls;
  return reason == "stop" ? FinishKind::stop : FinishKind::other;
}

}  // namespace

void OpenAiReader::on_value(std::string_view event, const bj::value& value, bool streamed, ModelChunk& chunk) {
  if (const auto* error = member(&value, "error")) return fail(*error);
  auto type = text_member(&value, "type");
  if (type.empty()) type = event;
  if (type == "error" || event == "error") return fail(value);
  is_responses_ = is_responses_ || says_responses(type, value);
  if (is_responses_)
    responses_.take(type, value, streamed, chunk);
  else
    chat_.take(value, streamed, chunk);
}

OpenAiReader::Result OpenAiReader::finished(ModelReply reply, const std::string& refusal, std::string_view id,
                                            const HttpReply& http) const {
  if (!refusal.empty()) return Failure{FailureClass::refused, "The model refused: " + excerpt(refusal, key()), {}};
  if (reply.text.empty() && reply.tool_calls.empty()) {
    if (reply.finish == FinishKind::content_filter)
      return Failure{FailureClass::refused, "The provider's content filter withheld the reply.", {}};
    std::string message(kNoText);
    if (!reply.finish_reason.empty()) message += " (finish reason: " + excerpt(reply.finish_reason, key()) + ")";
    return Failure{FailureClass::empty_reply, std::move(message), {}};
  }
  reply.request_id = std::string(request_id(http).substr(0, kNameBytesMax));
  if (reply.request_id.empty()) reply.request_id = id;
  return reply;
}

void OpenAiReader::Chat::take(const bj::value& value, bool streamed, ModelChunk& chunk) {
  set_name(reply_.model, text_member(&value, "model"));
  set_name(reply_.fingerprint, text_member(&value, "system_fingerprint"));
  set_name(id_, text_member(&value, "id"));
  take_openai_usage(member(&value, "usage"), "prompt_tokens", "completion_tokens", reply_.usage);
  const auto* choices = array_member(&value, "choices");
  if (choices == nullptr) {
    if (!streamed) reader_.fail(FailureClass::empty_reply, std::string(kNoText) + ": no choices");
    return;
  }
  for (const auto& choice : *choices) {
    const auto* index = member(&choice, "index");
    if (index != nullptr && index->is_number() && *index != 0) continue;
    take_choice(choice, chunk);
  }
}

void OpenAiReader::Chat::take_choice(const bj::value& choice, ModelChunk& chunk) {
  // Routers report an upstream's error inside of the choice.
  if (const auto* error = member(&choice, "error")) return reader_.fail(*error);
  const auto* delta = member(&choice, "delta");
  const auto* part = delta != nullptr ? delta : member(&choice, "message");
  if (const auto* content = member(part, "content")) take_content(*content, chunk);
  auto reasoning = text_member(part, "reasoning_content");
  if (reasoning.empty()) reasoning = text_member(part, "reasoning");
  reader_.add_reasoning(reasoning, chunk);
  refusal_ += text_member(part, "refusal");
  take_calls(part, delta == nullptr);
  if (const auto reason = text_member(&choice, "finish_reason"); !reason.empty())
    reply_.finish_reason = reason.substr(0, kNameBytesMax);
}

/// Text, or a list of parts as Mistral's reasoning models send it.
void OpenAiReader::Chat::take_content(const bj::value& content, ModelChunk& chunk) {
  if (content.is_string()) return reader_.add_text(content.get_string(), chunk);
  if (!content.is_array()) return;
  for (const auto& part : content.get_array()) {
    reader_.add_text(text_member(&part, "text"), chunk);
    if (text_member(&part, "type") == "refusal") refusal_ += text_member(&part, "refusal");
    const auto* thinking = array_member(&part, "thinking");
    if (thinking == nullptr) continue;
    for (const auto& thought : *thinking) reader_.add_reasoning(text_member(&thought, "text"), chunk);
  }
}

void OpenAiReader::Chat::take_calls(const bj::value* part, bool whole) {
  const auto add = [&](const bj::value& call, const bj::value* function, const char* input) {
    ToolCalls::Piece piece;
    piece.index = tokens(&call, "index");
    piece.id = text_member(&call, "id");
    piece.name = text_member(function, "name");
    piece.arguments = member(function, input);
    if (whole)
      calls_.add_whole(piece);
    else
      calls_.add(piece);
  };
  if (const auto* calls = array_member(part, "tool_calls")) {
    for (const auto& call : *calls) {
      const auto* custom = member(&call, "custom");
      add(call, custom != nullptr ? custom : member(&call, "function"), custom != nullptr ? "input" : "arguments");
    }
  }
  // What tool_calls replaced; some servers still write it.
  if (const auto* call = member(part, "function_call")) add(*call, call, "arguments");
}

void take_openai_usage(const bj::value* usage, const std::string& input, const std::string& output, Usage& to) {
  to.input_tokens = tokens(usage, input).value_or(to.input_tokens);
  to.output_tokens = tokens(usage, output).value_or(to.output_tokens);
  const auto* of_input = member(usage, input + "_details");
  if (const auto count = tokens(of_input, "cached_tokens")) to.cached_tokens = count;
  if (const auto count = tokens(of_input, "cache_write_tokens")) to.cache_write_tokens = count;
  if (const auto count = tokens(member(usage, output + "_details"), "reasoning_tokens")) to.reasoning_tokens = count;
}

OpenAiReader::Result OpenAiReader::Chat::result(const HttpReply& http) {
  if (reply_.finish_reason == "error")
    return Failure{FailureClass::server, "The provider ended the reply because of an error of its own.", {}};
  if (calls_.overflowed()) return Failure{FailureClass::output_limit, "The reply asks for too many tool calls.", {}};
  reply_.text = trimmed(reader_.text());
  reply_.tool_calls = calls_.finished(id_);
  reply_.finish = finish_of(reply_.finish_reason, !reply_.tool_calls.empty());
  if (!reader_.reasoning().empty()) reply_.reasoning = reader_.reasoning();
  return reader_.finished(std::move(reply_), refusal_, id_, http);
}

}  // namespace hillstar::providers
