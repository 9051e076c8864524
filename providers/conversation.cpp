// SPDX-License-Identifier: Apache-2.0
#include "providers/conversation.hpp"

#include <boost/json.hpp>
#include <utility>

#include "messages/json.hpp"
#include "providers/request_checks.hpp"

namespace hillstar::providers {
namespace {

namespace bj = boost::json;

bool is_system(const ModelTurn& turn) { return turn.role == ModelRole::system || turn.role == ModelRole::developer; }

}  // namespace

Result<Conversation> conversation_of(const ModelRequest& request) {
  HILLSTAR_CHECK(check_request(request));
  Conversation made;
  made.system = request.system;
  std::size_t next = 0;
  for (; next < request.messages.size() && is_system(request.messages[next]); ++next) {
    if (!made.system.empty()) made.system += "\n\n";
    made.system += request.messages[next].text;
  }
  for (; next < request.messages.size(); ++next) made.turns.push_back(request.messages[next]);
  if (has_prompt_turn(request) || made.turns.empty()) {
    ModelTurn prompt;
    prompt.text = request.prompt;
    prompt.images = request.images;
    made.turns.push_back(std::move(prompt));
  }
  return made;
}

bj::object arguments_object(const ModelToolCall& call) {
  auto value = call.arguments.value();
  if (value.is_object()) return std::move(value.get_object());
  if (value.is_null()) return {};
  return {{"INVALID_JSON", value.is_string() ? value : bj::value(call.arguments.text())}};
}

std::string arguments_text(const ModelToolCall& call) {
  if (call.arguments.is_null()) return "{}";
  const auto value = call.arguments.value();
  return value.is_string() ? std::string(value.get_string()) : call.arguments.text();
}

std::optional<bj::value> kept_turn(const ModelTurn& turn, std::string_view adapter) {
  auto kept = turn.verbatim.value();
  auto* const object = kept.if_object();
  const auto* const name = object != nullptr ? object->if_contains("adapter") : nullptr;
  auto* const content = object != nullptr ? object->if_contains("content") : nullptr;
  if (name == nullptr || !name->is_string() || name->get_string() != adapter || content == nullptr) return std::nullopt;
  return std::move(*content);
}

std::optional<bj::array> kept_list(const ModelTurn& turn, std::string_view adapter) {
  auto kept = kept_turn(turn, adapter);
  if (!kept || !kept->is_array()) return std::nullopt;
  return std::move(kept->get_array());
}

Json keep_turn(std::string_view adapter, bj::value content) {
  bj::object kept;
  kept["adapter"] = adapter;
  kept["content"] = std::move(content);
  return Json::of(std::move(kept));
}

std::string tool_name_of(const std::vector<ModelTurn>& turns, std::size_t number) {
  const auto& asked = turns[number];
  if (!asked.tool_name.empty()) return asked.tool_name;
  for (std::size_t before = number; before > 0; --before)
    for (const auto& call : turns[before - 1].tool_calls)
      if (call.id == asked.tool_call_id) return call.name;
  return {};
}

}  // namespace hillstar::providers
