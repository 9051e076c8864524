// SPDX-License-Identifier: Apache-2.0
// The conversation of a Chat Completions request.
#include <boost/json.hpp>
#include <utility>

#include "providers/openai_chat.hpp"
#include "providers/request_checks.hpp"

namespace hillstar::providers {
namespace {

namespace bj = boost::json;

std::string_view role_name(ModelRole role, const ChatDialect& dialect) {
  switch (role) {
    case ModelRole::system:
      return "system";
    case ModelRole::developer:
      return dialect.knows_developer ? "developer" : "system";
    case ModelRole::user:
      return "user";
    case ModelRole::assistant:
      return "assistant";
    case ModelRole::tool:
      return "tool";
  }
  return "user";
}

bj::value content_of(const std::string& text, const std::vector<ModelImage>& images, const ChatDialect& dialect) {
  if (images.empty()) return bj::value(text);
  bj::array parts;
  if (!text.empty()) parts.push_back(bj::object{{"type", "text"}, {"text", text}});
  for (const auto& image : images) {
    bj::object part{{"type", "image_url"}};
    if (dialect.plain_images && image.detail.empty()) {
      part["image_url"] = data_url(image);
    } else {
      bj::object url{{"url", data_url(image)}};
      if (!image.detail.empty()) url["detail"] = image.detail;
      part["image_url"] = std::move(url);
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

/// Arguments go as JSON text; what the model wrote instead of JSON goes back as it was.
std::string arguments_text(const Json& arguments) {
  if (arguments.is_null()) return "{}";
  const auto value = arguments.value();
  return value.is_string() ? std::string(value.get_string()) : arguments.text();
}

/// The tool that this turn answers for: by its own word, or by the call with its id.
std::string_view tool_name_of(const ModelTurn& turn, const std::vector<ModelTurn>& turns) {
  if (turn.role != ModelRole::tool || !turn.tool_name.empty()) return turn.tool_name;
  for (const auto& other : turns)
    for (const auto& call : other.tool_calls)
      if (call.id == turn.tool_call_id) return call.name;
  return {};
}

bj::object turn_of(const ModelTurn& turn, std::string_view tool_name, const ChatDialect& dialect) {
  bj::object made{{"role", role_name(turn.role, dialect)}};
  if (turn.role == ModelRole::tool) made["tool_call_id"] = turn.tool_call_id;
  if (turn.role == ModelRole::tool && dialect.numbers_calls && !tool_name.empty()) made["name"] = tool_name;
  made["content"] = content_of(turn.text, turn.images, dialect);
  if (!turn.tool_calls.empty()) {
    if (turn.text.empty() && !dialect.numbers_calls) made["content"] = nullptr;
    bj::array calls;
    for (const auto& call : turn.tool_calls) {
      bj::object entry{{"id", call.id},
                       {"type", "function"},
                       {"function", bj::object{{"name", call.name}, {"arguments", arguments_text(call.arguments)}}}};
      if (dialect.numbers_calls) entry["index"] = calls.size();
      calls.push_back(std::move(entry));
    }
    made["tool_calls"] = std::move(calls);
  }
  if (turn.role == ModelRole::assistant && dialect.numbers_calls) made["prefix"] = false;
  return made;
}

}  // namespace

void set_chat_messages(RequestBody& body, const ModelRequest& request, const ChatDialect& dialect) {
  bj::array messages;
  if (!request.system.empty())
    messages.push_back(bj::object{{"role", role_name(request.system_role, dialect)}, {"content", request.system}});
  for (const auto& turn : request.messages)
    messages.push_back(turn_of(turn, tool_name_of(turn, request.messages), dialect));
  if (has_prompt_turn(request))
    messages.push_back(bj::object{{"role", "user"}, {"content", content_of(request.prompt, request.images, dialect)}});
  body.set("messages", messages);
}

}  // namespace hillstar::providers
