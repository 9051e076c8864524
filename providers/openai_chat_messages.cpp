// SPDX-License-Identifier: Apache-2.0
// The conversation of a Chat Completions request.
#include <boost/json.hpp>
#include <utility>

#include "providers/conversation.hpp"
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

bj::object turn_of(const std::vector<ModelTurn>& turns, std::size_t number, const ChatDialect& dialect) {
  const auto& turn = turns[number];
  bj::object made{{"role", role_name(turn.role, dialect)}};
  if (turn.role == ModelRole::tool) made["tool_call_id"] = turn.tool_call_id;
  if (turn.role == ModelRole::tool && dialect.numbers_calls)
    if (auto name = tool_name_of(turns, number); !name.empty()) made["name"] = std::move(name);
  made["content"] = content_of(turn.text, turn.images, dialect);
  if (!turn.tool_calls.empty()) {
    if (turn.text.empty() && !dialect.numbers_calls) made["content"] = nullptr;
    bj::array calls;
    for (const auto& call : turn.tool_calls) {
      bj::object entry{{"id", call.id},
                       {"type", "function"},
                       {"function", bj::object{{"name", call.name}, {"arguments", arguments_text(call)}}}};
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
  for (std::size_t i = 0; i < request.messages.size(); ++i) messages.push_back(turn_of(request.messages, i, dialect));
  if (has_prompt_turn(request))
    messages.push_back(bj::object{{"role", "user"}, {"content", content_of(request.prompt, request.images, dialect)}});
  body.set("messages", messages);
}

}  // namespace hillstar::providers
