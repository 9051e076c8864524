// SPDX-License-Identifier: Apache-2.0
// The second half of anthropic.hpp: replies.
#include <algorithm>
#include <boost/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "messages/json.hpp"
#include "providers/anthropic.hpp"
#include "providers/body_reader.hpp"
#include "providers/conversation.hpp"
#include "providers/failure.hpp"
#include "providers/fields.hpp"
#include "providers/json_http.hpp"
#include "providers/text.hpp"
#include "providers/tool_calls.hpp"

namespace hillstar::providers {
namespace {

namespace bj = boost::json;

/// More blocks than any reply has.
constexpr std::size_t kBlocksMax = 4096;

/// A part of the reply's content, as it will go back: text, thinking, a tool call or what later versions add.
struct Block {
  std::uint64_t index = 0;
  bj::object json;
  std::string arguments;  ///< The input of a tool call, in pieces of JSON text.
};

class Reader final : public BodyReader {
 public:
  Reader(Secret key, std::string_view keeper) : BodyReader(std::move(key)), keeper_(keeper) {}

 private:
  [[nodiscard]] bool is_complete() const override { return !reply_.finish_reason.empty(); }

  void on_value(std::string_view event, const bj::value& value, bool streamed, ModelChunk& chunk) override {
    const auto type = text_member(&value, "type");
    if (event == "error" || type == "error" || member(&value, "error") != nullptr) return fail(value);
    if (!streamed) return take_message(&value, chunk);
    if (type == "message_start") return take_message(member(&value, "message"), chunk);
    if (type == "content_block_start") return begin_block(&value, chunk);
    if (type == "content_block_delta") return take_delta(&value, chunk);
    if (type == "message_delta") take_end(member(&value, "delta"), member(&value, "usage"));
  }

  /// A whole reply, or what is known of a streamed one when it begins.
  void take_message(const bj::value* message, ModelChunk& chunk) {
    set_name(reply_.model, text_member(message, "model"));
    set_name(id_, text_member(message, "id"));
    if (const auto* content = array_member(message, "content"))
      for (const auto& block : *content)
        if (block.is_object()) add_block(blocks_.size(), block.get_object(), chunk);
    take_end(message, member(message, "usage"));
  }

  void begin_block(const bj::value* event, ModelChunk& chunk) {
    const auto* block = member(event, "content_block");
    if (block != nullptr && block->is_object()) add_block(index_of(event), block->get_object(), chunk);
  }

  void add_block(std::uint64_t index, const bj::object& json, ModelChunk& chunk) {
    if (blocks_.size() == kBlocksMax) return fail(FailureClass::output_limit, "The server's reply has too many parts.");
    const bj::value block(json);
    const auto type = text_member(&block, "type");
    if (type == "text") add_text(text_member(&block, "text"), chunk);
    if (type == "thinking") add_reasoning(text_member(&block, "thinking"), chunk);
    blocks_.push_back({index, json, {}});
  }

  static std::uint64_t index_of(const bj::value* event) {
    return tokens(event, "index").value_or(0);  // any small number
  }

  void take_delta(const bj::value* event, ModelChunk& chunk) {
    const auto index = index_of(event);
    // From the end: pieces belong to the block that began last.
    const auto found = std::find_if(blocks_.rbegin(), blocks_.rend(), [&](const Block& b) { return b.index == index; });
    const auto* delta = member(event, "delta");
    if (found == blocks_.rend() || delta == nullptr) return;
    const auto type = text_member(delta, "type");
    if (type == "text_delta") {
      append(*found, "text", text_member(delta, "text"));
      add_text(text_member(delta, "text"), chunk);
    } else if (type == "thinking_delta") {
      append(*found, "thinking", text_member(delta, "thinking"));
      add_reasoning(text_member(delta, "thinking"), chunk);
    } else if (type == "signature_delta") {
      append(*found, "signature", text_member(delta, "signature"));
    } else if (type == "input_json_delta") {
      found->arguments += text_member(delta, "partial_json");
    } else if (type == "citations_delta") {
      auto& citations = found->json["citations"];
      if (!citations.is_array()) citations = bj::array{};
      if (const auto* citation = member(delta, "citation")) citations.get_array().push_back(*citation);
    }
  }

  static void append(Block& block, std::string_view key, std::string_view text) {
    auto& value = block.json[key];
    if (!value.is_string()) value = bj::string();
    value.get_string().append(text);
  }

  void take_end(const bj::value* end, const bj::value* usage) {
    if (const auto reason = text_member(end, "stop_reason"); !reason.empty())
      reply_.finish_reason = reason.substr(0, kNameBytesMax);
    if (const auto* details = member(end, "stop_details")) stop_details_ = *details;
    take_usage(usage);
  }

  /// Counts are of the whole reply so far, each time; those that are not named stay.
  void take_usage(const bj::value* usage) {
    const auto take = [&](std::uint64_t& to, const char* key) { to = tokens(usage, key).value_or(to); };
    take(uncached_, "input_tokens");
    take(reply_.usage.output_tokens, "output_tokens");
    if (const auto count = tokens(usage, "cache_read_input_tokens")) reply_.usage.cached_tokens = count;
    if (const auto count = tokens(usage, "cache_creation_input_tokens")) reply_.usage.cache_write_tokens = count;
    if (const auto count = tokens(member(usage, "output_tokens_details"), "thinking_tokens"))
      reply_.usage.reasoning_tokens = count;
  }

  std::variant<ModelReply, Failure> result(const HttpReply& http) override {
    reply_.request_id = std::string(request_id(http));
    if (reply_.request_id.empty()) reply_.request_id = id_;
    reply_.usage.input_tokens =
        uncached_ + reply_.usage.cache_write_tokens.value_or(0) + reply_.usage.cached_tokens.value_or(0);
    if (reply_.finish_reason == "refusal") return refused();
    if (!take_calls()) return named({FailureClass::output_limit, "The model asks for too many tool calls.", {}});
    reply_.text = text();
    if (!reasoning().empty()) reply_.reasoning = reasoning();
    keep();
    reply_.finish = finish_kind();
    // A paused turn goes on when it is sent back: it is a reply even without text.
    const bool goes_on = reply_.finish_reason == "pause_turn" && !reply_.verbatim.is_null();
    if (trimmed(reply_.text).empty() && reply_.tool_calls.empty() && !goes_on) return empty();
    return reply_;
  }

  /// False: too many.
  bool take_calls() {
    ToolCalls calls;
    for (auto& block : blocks_) {
      const bj::value json(block.json);
      if (text_member(&json, "type") != "tool_use") continue;
      const auto* input = member(&json, "input");
      const bj::value pieces(block.arguments);
      calls.add_whole({std::nullopt, text_member(&json, "id"), text_member(&json, "name"),
                       block.arguments.empty() ? input : &pieces});
    }
    reply_.tool_calls = calls.finished(id_);
    return !calls.overflowed();
  }

  /// Text and tool calls can be written anew; thinking, and all that is not known here, goes back as it came.
  void keep() {
    bj::array content;
    bool needed = false;
    std::size_t call = 0;
    for (auto& block : blocks_) {
      bj::value json(std::move(block.json));
      const auto type = text_member(&json, "type");
      needed = needed || (type != "text" && type != "tool_use");
      if (type == "tool_use" && !text_member(&json, "name").empty() && call < reply_.tool_calls.size()) {
        const auto& made = reply_.tool_calls[call++];
        json.get_object()["id"] = made.id;
        json.get_object()["input"] = arguments_object(made);
      }
      // The API gives empty text blocks but does not take them.
      if (type != "text" || !text_member(&json, "text").empty()) content.push_back(std::move(json));
    }
    if (needed) reply_.verbatim = keep_turn(keeper_, std::move(content));
  }

  [[nodiscard]] FinishKind finish_kind() const {
    const auto& reason = reply_.finish_reason;
    if (!reply_.tool_calls.empty() && reason != "max_tokens") return FinishKind::tool_calls;
    if (reason == "end_turn" || reason == "stop_sequence") return FinishKind::stop;
    if (reason == "max_tokens" || reason == "model_context_window_exceeded") return FinishKind::length;
    return FinishKind::other;
  }

  [[nodiscard]] Failure refused() const {
    std::string message = "The model refused";
    if (const auto category = text_member(&stop_details_, "category"); !category.empty())
      message += " (" + excerpt(category, key()) + ")";
    if (const auto why = text_member(&stop_details_, "explanation"); !why.empty())
      message += ": " + excerpt(why, key());
    if (!message.ends_with('.')) message += '.';
    return named({FailureClass::refused, std::move(message), std::nullopt});
  }

  [[nodiscard]] Failure empty() const {
    if (reply_.finish_reason == "model_context_window_exceeded")
      return named({FailureClass::context_too_long, "The model's context was full before it wrote a reply.", {}});
    std::string message = "model response contained no text content";
    if (!reply_.finish_reason.empty()) message += " (finish reason: " + excerpt(reply_.finish_reason, key()) + ")";
    return named({FailureClass::empty_reply, std::move(message), std::nullopt});
  }

  [[nodiscard]] Failure named(Failure failure) const {
    name_request(failure, reply_.request_id, key());
    return failure;
  }

  std::string keeper_;
  ModelReply reply_;
  std::vector<Block> blocks_;
  bj::value stop_details_;
  std::string id_;
  std::uint64_t uncached_ = 0;
};

}  // namespace

std::unique_ptr<ReplyReader> Anthropic::reader(const Endpoint& endpoint) const {
  return std::make_unique<Reader>(endpoint.key, name());
}

std::variant<std::vector<ModelListing>, Failure> Anthropic::decode_models(const HttpReply& reply,
                                                                          const Endpoint& endpoint) const {
  return listings_in(reply, endpoint, "data", [](const bj::value& model) {
    return ModelListing{std::string(text_member(&model, "id")), tokens(&model, "max_input_tokens")};
  });
}

std::variant<std::uint64_t, Failure> Anthropic::decode_count(const HttpReply& reply, const Endpoint& endpoint) const {
  return count_in(reply, endpoint, "input_tokens");
}

}  // namespace hillstar::providers
