// SPDX-License-Identifier: Apache-2.0
// The second half of google.hpp: replies.
#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <utility>

#include "messages/json.hpp"
#include "providers/body_reader.hpp"
#include "providers/conversation.hpp"
#include "providers/failure.hpp"
#include "providers/fields.hpp"
#include "providers/google.hpp"
#include "providers/json_http.hpp"
#include "providers/text.hpp"
#include "providers/tool_calls.hpp"

namespace hillstar::providers {
namespace {

namespace bj = boost::json;

/// Ends that a filter made, whatever the model was about to write.
constexpr std::array<std::string_view, 10> kFilters{"SAFETY",
                                                    "RECITATION",
                                                    "BLOCKLIST",
                                                    "PROHIBITED_CONTENT",
                                                    "SPII",
                                                    "IMAGE_SAFETY",
                                                    "LANGUAGE",
                                                    "IMAGE_PROHIBITED_CONTENT",
                                                    "IMAGE_RECITATION",
                                                    "MODEL_ARMOR"};

bool is_plain_text(const bj::object& part) {
  return std::all_of(part.begin(), part.end(),
                     [](const auto& field) { return field.key() == "text" || field.key() == "thought"; }) &&
         part.contains("text") && part.at("text").is_string();
}

bool is_thought(const bj::value& part) {
  const auto* thought = member(&part, "thought");
  return thought != nullptr && thought->is_bool() && thought->get_bool();
}

class Reader final : public BodyReader {
 public:
  using BodyReader::BodyReader;

 private:
  [[nodiscard]] bool is_complete() const override { return !reply_.finish_reason.empty() || !blocked_.empty(); }

  /// A whole reply and a piece of a stream look the same.
  void on_value(std::string_view, const bj::value& value, bool, ModelChunk& chunk) override {
    if (const auto* error = member(&value, "error")) return fail(*error);
    set_name(reply_.model, text_member(&value, "modelVersion"));
    set_name(id_, text_member(&value, "responseId"));
    set_name(blocked_, text_member(member(&value, "promptFeedback"), "blockReason"));
    take_usage(member(&value, "usageMetadata"));
    const auto* candidates = array_member(&value, "candidates");
    if (candidates == nullptr) return;
    for (const auto& candidate : *candidates) {
      if (tokens(&candidate, "index").value_or(0) != 0) continue;
      if (const auto* parts = array_member(member(&candidate, "content"), "parts"))
        for (const auto& part : *parts) take_part(part, chunk);
      if (const auto reason = text_member(&candidate, "finishReason"); !reason.empty())
        reply_.finish_reason = reason.substr(0, kNameBytesMax);
      if (const auto why = text_member(&candidate, "finishMessage"); !why.empty()) why_ = excerpt(why, key());
    }
  }

  void take_part(const bj::value& part, ModelChunk& chunk) {
    if (!part.is_object()) return;
    const auto text = text_member(&part, "text");
    if (is_thought(part))
      add_reasoning(text, chunk);
    else
      add_text(text, chunk);
    if (const auto* call = member(&part, "functionCall"))
      calls_.add_whole({std::nullopt, text_member(call, "id"), text_member(call, "name"), member(call, "args")});
    signed_ = signed_ || member(&part, "thoughtSignature") != nullptr;
    keep(part.get_object(), text);
  }

  /// Pieces of one text grow together; a part with a signature stays by itself, as it must go back.
  void keep(const bj::object& part, std::string_view text) {
    auto* const last = parts_.empty() ? nullptr : parts_.back().if_object();
    const bool same = last != nullptr && is_plain_text(*last) && is_plain_text(part) &&
                      is_thought(parts_.back()) == is_thought(bj::value(part));
    if (same)
      last->at("text").get_string().append(text);
    else
      parts_.emplace_back(part);
  }

  void take_usage(const bj::value* usage) {
    if (usage == nullptr) return;
    auto& to = reply_.usage;
    to.input_tokens =
        tokens(usage, "promptTokenCount").value_or(0) + tokens(usage, "toolUsePromptTokenCount").value_or(0);
    const auto thoughts = tokens(usage, "thoughtsTokenCount");
    to.output_tokens = tokens(usage, "candidatesTokenCount").value_or(0) + thoughts.value_or(0);
    if (thoughts) to.reasoning_tokens = thoughts;
    if (const auto cached = tokens(usage, "cachedContentTokenCount")) to.cached_tokens = cached;
  }

  std::variant<ModelReply, Failure> result(const HttpReply& http) override {
    reply_.request_id = std::string(request_id(http));
    if (reply_.request_id.empty()) reply_.request_id = id_;
    if (calls_.overflowed()) return named(FailureClass::output_limit, "The model asks for too many tool calls.");
    reply_.tool_calls = calls_.finished(id_);
    reply_.text = text();
    if (!reasoning().empty()) reply_.reasoning = reasoning();
    reply_.finish = finish_kind();
    if (trimmed(reply_.text).empty() && reply_.tool_calls.empty()) return nothing();
    if (signed_) reply_.verbatim = keep_turn(kGoogleKeeper, std::move(parts_));
    return reply_;
  }

  [[nodiscard]] bool is_filtered() const {
    return std::find(kFilters.begin(), kFilters.end(), reply_.finish_reason) != kFilters.end();
  }

  [[nodiscard]] FinishKind finish_kind() const {
    if (is_filtered()) return FinishKind::content_filter;
    if (reply_.finish_reason == "MAX_TOKENS") return FinishKind::length;
    // STOP, or whatever word a compatible server has for it: the calls tell.
    if (!reply_.tool_calls.empty()) return FinishKind::tool_calls;
    return reply_.finish_reason == "STOP" ? FinishKind::stop : FinishKind::other;
  }

  /// Why there is neither text nor a call.
  [[nodiscard]] Failure nothing() const {
    const std::string more = why_.empty() ? "." : ": " + why_;
    if (!blocked_.empty())
      return named(FailureClass::refused, "The provider blocked the prompt (" + excerpt(blocked_, key()) + ")" + more);
    const std::string reason = excerpt(reply_.finish_reason, key());
    if (is_filtered())
      return named(FailureClass::refused, "The provider's filter withheld the reply (" + reason + ")" + more);
    if (reply_.finish_reason == "MALFORMED_FUNCTION_CALL")
      return named(FailureClass::malformed_reply, "The model wrote a tool call that cannot be read" + more);
    std::string message = "model response contained no text content";
    if (!reason.empty()) message += " (finish reason: " + reason + ")";
    return named(FailureClass::empty_reply, why_.empty() ? message : message + more);
  }

  [[nodiscard]] Failure named(FailureClass kind, std::string message) const {
    Failure failure{kind, std::move(message), std::nullopt};
    name_request(failure, reply_.request_id, key());
    return failure;
  }

  ModelReply reply_;
  ToolCalls calls_;
  bj::array parts_;
  std::string id_;
  std::string blocked_;
  std::string why_;
  bool signed_ = false;
};

}  // namespace

std::unique_ptr<ReplyReader> Google::reader(const Endpoint& endpoint) const {
  return std::make_unique<Reader>(endpoint.key);
}

std::variant<EmbeddingReply, Failure> Google::decode_embedding(const HttpReply& reply, const Endpoint& endpoint) const {
  auto found = object_in(reply, endpoint);
  if (auto* failure = std::get_if<Failure>(&found)) return std::move(*failure);
  const bj::value object(std::move(std::get<bj::object>(found)));
  auto vectors = vectors_in(member(&object, "embeddings"), "values");
  if (!vectors) return malformed("a list of vectors", reply, endpoint);
  EmbeddingReply made;
  made.vectors = *std::move(vectors);
  made.request_id = std::string(request_id(reply));
  made.usage.input_tokens = tokens(member(&object, "usageMetadata"), "promptTokenCount").value_or(0);
  return made;
}

std::variant<std::vector<ModelListing>, Failure> Google::decode_models(const HttpReply& reply,
                                                                       const Endpoint& endpoint) const {
  return listings_in(reply, endpoint, "models", [](const bj::value& model) {
    constexpr std::string_view kFolder = "models/";
    auto id = text_member(&model, "name");
    if (id.starts_with(kFolder)) id.remove_prefix(kFolder.size());
    return ModelListing{std::string(id), tokens(&model, "inputTokenLimit")};
  });
}

std::variant<std::uint64_t, Failure> Google::decode_count(const HttpReply& reply, const Endpoint& endpoint) const {
  return count_in(reply, endpoint, "totalTokens");
}

}  // namespace hillstar::providers
