// SPDX-License-Identifier: Apache-2.0
// Responses replies: items that a stream builds up, and what they amount to.
#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "providers/conversation.hpp"
#include "providers/failure.hpp"
#include "providers/fields.hpp"
#include "providers/openai_reader.hpp"
#include "providers/text.hpp"

namespace hillstar::providers {
namespace {

namespace bj = boost::json;

constexpr std::size_t kItemsMax = 4096;
constexpr std::string_view kPrefix = "response.";

/// Parts of a text that the API keeps apart.
void append_part(std::string& text, std::string_view part) {
  if (!text.empty() && !part.empty()) text += "\n\n";
  text += part;
}

bool is_type(const bj::value& item, std::string_view type) { return text_member(&item, "type") == type; }

bool has_encrypted(const bj::value& item) { return !text_member(&item, "encrypted_content").empty(); }

}  // namespace

void OpenAiReader::Responses::take(std::string_view type, const bj::value& value, bool streamed, ModelChunk& chunk) {
  if (type.starts_with(kPrefix)) return take_event(type.substr(kPrefix.size()), value, chunk);
  if (streamed && text_member(&value, "object") != "response") return;
  const auto status = text_member(&value, "status");
  take_response(&value, status.empty() ? "completed" : status);
  // What a whole reply says is known at once.
  read_items();
  reader_.add_text(std::exchange(text_, {}), chunk);
  reader_.add_reasoning(std::exchange(reasoning_, {}), chunk);
  refusal_.clear();
  calls_ = {};
}

/// `name` is the event's type without the prefix that all have. Unknown ones are ignored.
void OpenAiReader::Responses::take_event(std::string_view name, const bj::value& value, ModelChunk& chunk) {
  if (name == "output_text.delta") return reader_.add_text(text_member(&value, "delta"), chunk);
  if (name == "reasoning_summary_text.delta" || name == "reasoning_text.delta")
    return reader_.add_reasoning(text_member(&value, "delta"), chunk);
  if (name == "reasoning_summary_part.added" && !reader_.reasoning().empty())
    return reader_.add_reasoning("\n\n", chunk);
  if (name == "refusal.delta") return void(refusal_ += text_member(&value, "delta"));
  if (name == "output_item.added") return take_item(member(&value, "item"), false);
  if (name == "output_item.done") return take_item(member(&value, "item"), true);
  if (name == "function_call_arguments.delta") return take_arguments(value, false);
  if (name == "function_call_arguments.done") return take_arguments(value, true);
  const bool ended = name == "completed" || name == "incomplete" || name == "failed" || name == "cancelled";
  if (ended || name == "created" || name == "in_progress" || name == "queued")
    take_response(member(&value, "response"), ended ? name : "");
}

/// `ended_as`: the event's or the reply's own word for its end; empty: it goes on.
void OpenAiReader::Responses::take_response(const bj::value* response, std::string_view ended_as) {
  set_name(reply_.model, text_member(response, "model"));
  set_name(id_, text_member(response, "id"));
  set_name(status_, ended_as);
  set_name(incomplete_, text_member(member(response, "incomplete_details"), "reason"));
  take_openai_usage(member(response, "usage"), "input_tokens", "output_tokens", reply_.usage);
  if (const auto* error = member(response, "error")) return reader_.fail(*error);
  const auto* output = array_member(response, "output");
  if (output == nullptr || output->empty()) return;
  items_.clear();
  for (const auto& item : *output) take_item(&item, false);
}

OpenAiReader::Responses::Item* OpenAiReader::Responses::item_named(std::string_view id) {
  const auto found =
      std::find_if(items_.begin(), items_.end(), [&](const Item& item) { return !id.empty() && item.id == id; });
  return found != items_.end() ? &*found : nullptr;
}

void OpenAiReader::Responses::take_item(const bj::value* item, bool done) {
  if (item == nullptr || !item->is_object()) return;
  const auto id = text_member(item, "id").substr(0, kNameBytesMax);
  auto* known = item_named(id);
  // Without ids an item is the one before it, once more, if that had not ended.
  if (known == nullptr && id.empty() && done && !items_.empty() && items_.back().id.empty()) known = &items_.back();
  if (known != nullptr) return void(*known->is = *item);
  if (items_.size() == kItemsMax) return reader_.fail(FailureClass::output_limit, "The reply has too many items.");
  items_.push_back({std::string(id), {}, std::make_shared<bj::value>(*item)});
}

void OpenAiReader::Responses::take_arguments(const bj::value& value, bool all) {
  auto* item = item_named(text_member(&value, "item_id"));
  // llama.cpp names no item: it streams one call after the other.
  if (item == nullptr && !items_.empty()) item = &items_.back();
  if (item == nullptr) return;
  if (!all)
    item->arguments += text_member(&value, "delta");
  else if (const auto text = text_member(&value, "arguments"); !text.empty())
    item->arguments = text;
}

void OpenAiReader::Responses::read_message(const bj::value& item) {
  const auto* content = member(&item, "content");
  if (content == nullptr) return;
  if (content->is_string()) text_ += std::string_view(content->get_string());
  if (!content->is_array()) return;
  for (const auto& part : content->get_array()) {
    text_ += text_member(&part, "text");
    if (is_type(part, "refusal")) refusal_ += text_member(&part, "refusal");
  }
}

void OpenAiReader::Responses::read_reasoning(const bj::value& item) {
  for (const char* list : {"summary", "content"})
    if (const auto* parts = array_member(&item, list))
      for (const auto& part : *parts) append_part(reasoning_, text_member(&part, "text"));
}

void OpenAiReader::Responses::read_items() {
  text_.clear();
  reasoning_.clear();
  calls_ = {};
  // Deltas said the same; servers that send no items have only those.
  std::string streamed_refusal = std::exchange(refusal_, {});
  for (const auto& item : items_) {
    const auto& is = *item.is;
    if (is_type(is, "message")) read_message(is);
    if (is_type(is, "reasoning")) read_reasoning(is);
    const bool custom = is_type(is, "custom_tool_call");
    if (!custom && !is_type(is, "function_call")) continue;
    ToolCalls::Piece piece;
    piece.id = text_member(&is, "call_id");
    piece.name = text_member(&is, "name");
    piece.arguments = member(&is, custom ? "input" : "arguments");
    const bj::value streamed(item.arguments);
    const bool is_blank = piece.arguments == nullptr || *piece.arguments == "";
    if (is_blank) piece.arguments = &streamed;
    calls_.add_whole(piece);
  }
  if (refusal_.empty()) refusal_ = std::move(streamed_refusal);
}

/// The items, if reasoning must go back with them. Reasoning that is not encrypted cannot: the server has not kept it.
Json OpenAiReader::Responses::verbatim() const {
  const auto keeps = [](const Item& item) { return !is_type(*item.is, "reasoning") || has_encrypted(*item.is); };
  const bool any = std::any_of(items_.begin(), items_.end(), [](const Item& item) {
    return is_type(*item.is, "reasoning") && has_encrypted(*item.is);
  });
  if (!any) return {};
  bj::array content;
  for (const auto& item : items_)
    if (keeps(item)) content.push_back(*item.is);
  return keep_turn(kResponsesAdapter, std::move(content));
}

/// What the status means, if it is no success.
std::optional<Failure> OpenAiReader::Responses::failure() const {
  if (calls_.overflowed()) return Failure{FailureClass::output_limit, "The reply asks for too many tool calls.", {}};
  if (status_ == "completed" || status_ == "incomplete") return std::nullopt;
  if (status_ == "failed" || status_ == "cancelled")
    return Failure{FailureClass::server, "The provider says that the reply has " + status_ + ", and not why.", {}};
  return Failure{FailureClass::malformed_reply,
                 "The reply is not finished (status " + excerpt(status_, reader_.key()) +
                     "); replies in the background cannot be waited for.",
                 {}};
}

OpenAiReader::Result OpenAiReader::Responses::result(const HttpReply& http) {
  read_items();
  if (auto failed = failure()) return *std::move(failed);
  reply_.text = trimmed(text_.empty() ? reader_.text() : text_);
  const auto& reasoning = reasoning_.empty() ? reader_.reasoning() : reasoning_;
  if (!reasoning.empty()) reply_.reasoning = reasoning;
  reply_.tool_calls = calls_.finished(id_);
  reply_.finish_reason = incomplete_.empty() ? status_ : incomplete_;
  if (incomplete_ == "max_output_tokens")
    reply_.finish = FinishKind::length;
  else if (incomplete_ == "content_filter")
    reply_.finish = FinishKind::content_filter;
  else if (status_ != "completed")
    reply_.finish = FinishKind::other;
  else
    reply_.finish = reply_.tool_calls.empty() ? FinishKind::stop : FinishKind::tool_calls;
  reply_.verbatim = verbatim();
  return reader_.finished(std::move(reply_), refusal_, id_, http);
}

}  // namespace hillstar::providers
