// SPDX-License-Identifier: Apache-2.0
// What was said to a model and what it said, as the conventions write conversations. The request is read back as it
// was sent, in whichever of the providers' forms.
#include <boost/json.hpp>

#include "messages/call_names.hpp"
#include "messages/json.hpp"
#include "runtime/telemetry/names.hpp"
#include "runtime/telemetry/span_attributes.hpp"

namespace hillstar::telemetry {
namespace {

namespace bj = boost::json;

/// A recorded request that is larger is left out.
constexpr std::size_t kRequestBytesMax = 8U << 20U;

bj::object text_part(std::string_view text) { return {{"type", "text"}, {"content", text}}; }

void add_part(bj::array& parts, const bj::value& piece) {
  if (piece.is_string()) {
    parts.push_back(text_part(piece.get_string()));
  } else if (const auto* text = json::member(piece, "text"); text != nullptr && text->is_string()) {
    parts.push_back(text_part(text->get_string()));
  } else if (const auto* type = json::member(piece, "type"); type != nullptr && type->is_string()) {
    parts.push_back(bj::object{{"type", *type}});  // images and the like: that they were there
  }
}

bj::array parts_of(const bj::value& content) {
  bj::array parts;
  if (const auto* list = content.if_array())
    for (const auto& piece : *list) add_part(parts, piece);
  else
    add_part(parts, content);
  return parts;
}

void add_calls(bj::array& parts, const bj::value* calls) {
  if (calls == nullptr || !calls->is_array()) return;
  for (const auto& call : calls->get_array()) {
    const auto* function = json::member(call, "function");
    const auto& said = function == nullptr ? call : *function;
    bj::object part{{"type", "tool_call"}};
    if (const auto* id = json::member(call, "id")) part["id"] = *id;
    if (const auto* name = json::member(said, "name")) part["name"] = *name;
    if (const auto* arguments = json::member(said, "arguments")) part["arguments"] = *arguments;
    parts.push_back(std::move(part));
  }
}

/// `messages` (OpenAI, Anthropic, Ollama), `input` (OpenAI responses) or `contents` (Gemini) of a body.
bj::array messages_of(const bj::value& body) {
  bj::array messages;
  for (const auto* name : {"messages", "input", "contents"}) {
    const auto* list = json::member(body, name);
    if (list == nullptr) continue;
    if (list->is_string()) {
      messages.push_back(bj::object{{"role", "user"}, {"parts", parts_of(*list)}});
    } else if (list->is_array()) {
      for (const auto& turn : list->get_array()) {
        const auto* content = json::member(turn, "content");
        if (content == nullptr) content = json::member(turn, "parts");
        auto parts = content == nullptr ? bj::array() : parts_of(*content);
        add_calls(parts, json::member(turn, "tool_calls"));
        const auto* role = json::member(turn, "role");
        messages.push_back(bj::object{{"role", role == nullptr ? bj::value("user") : *role}, {"parts", parts}});
      }
    }
  }
  return messages;
}

bj::array system_of(const bj::value& body) {
  for (const auto* name : {"system", "instructions"})
    if (const auto* text = json::member(body, name)) return parts_of(*text);
  for (const auto* name : {"systemInstruction", "system_instruction"})
    if (const auto* text = json::member(body, name))
      if (const auto* parts = json::member(*text, "parts")) return parts_of(*parts);
  return {};
}

/// Masked piece by piece first, so that what stands for a secret is still JSON.
void put_content(Span& span, const char* name, const bj::value& value, const SpanOptions& options) {
  span.attributes.emplace_back(name, cut(options.redactor.redact(Json::of(value)).text(), kContentBytesMax));
}

void add_request(Span& span, const std::string& sha256, const SpanOptions& options) {
  if (sha256.empty() || !options.read_blob) return;
  const auto text = options.read_blob(sha256);
  if (!text) return;
  const auto record = json::parse(*text, {.bytes_max = kRequestBytesMax, .depth_max = 256});
  const auto* body = record ? json::member(*record, "body") : nullptr;
  if (body == nullptr) return;
  if (const auto system = system_of(*body); !system.empty())
    put_content(span, names::kSystemInstructions, bj::value(system), options);
  if (const auto messages = messages_of(*body); !messages.empty())
    put_content(span, names::kInputMessages, bj::value(messages), options);
}

/// The result with its large strings back in their places, or without them if nobody can read them.
bj::value whole(const Value& result, const SpanOptions& options) {
  auto tree = result.json.value();
  for (const auto& blob : result.blobs) {
    if (blob.binary || !options.read_blob || blob.bytes > kRequestBytesMax) continue;
    boost::system::error_code missing;
    auto* place = tree.find_pointer(blob.at, missing);
    auto text = options.read_blob(blob.sha256);
    if (place != nullptr && text) *place = cut(json::to_utf8(*text), kContentBytesMax);
  }
  return tree;
}

void add_reply(Span& span, const bj::value& result, const SpanOptions& options) {
  const auto* output = json::member(result, "output");
  auto parts = output == nullptr ? bj::array() : parts_of(*output);
  add_calls(parts, json::member(result, "tool_calls"));
  if (parts.empty()) return;
  bj::object message{{"role", "assistant"}, {"parts", std::move(parts)}};
  if (const auto* reason = json::member(result, "finish_reason")) message["finish_reason"] = *reason;
  put_content(span, names::kOutputMessages, bj::array{std::move(message)}, options);
}

}  // namespace

void add_content(Span& span, const workflow::PlanNode* node, const Value& result, const std::optional<Json>& detail,
                 const SpanOptions& options) {
  if (!options.content) return;
  const auto tree = whole(result, options);
  if (span.kind == SpanKind::client) {
    add_request(span, names_in(detail).request, options);
    return add_reply(span, tree, options);
  }
  if (node != nullptr && node->parameters.text() != "{}")
    put_content(span, names::kToolArguments, node->parameters.value(), options);
  if (!tree.is_null()) put_content(span, names::kToolResult, tree, options);
}

}  // namespace hillstar::telemetry
