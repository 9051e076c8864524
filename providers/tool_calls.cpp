// SPDX-License-Identifier: Apache-2.0
#include "providers/tool_calls.hpp"

#include <boost/json.hpp>
#include <set>

#include "providers/fields.hpp"

namespace hillstar::providers {
namespace {

/// FNV-1a: short, and not meant to resist anybody.
std::uint64_t hash(std::string_view text) {
  std::uint64_t value = 14'695'981'039'346'656'037ULL;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 1'099'511'628'211ULL;
  return value;
}

}  // namespace

std::string minted_id(std::string_view seed, std::size_t number) {
  constexpr std::string_view kLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr std::size_t kLength = 9;
  auto value = hash(std::string(seed) + "#" + std::to_string(number));
  std::string id;
  for (; id.size() < kLength; value /= kLetters.size()) id += kLetters[value % kLetters.size()];
  return id;
}

ToolCalls::Call* ToolCalls::begin() {
  if (calls_.size() == kToolCallsMax) {
    overflowed_ = true;
    return nullptr;
  }
  return &calls_.emplace_back();
}

ToolCalls::Call* ToolCalls::call_for(const Piece& piece) {
  Call* found = nullptr;
  if (!piece.index && !calls_.empty()) found = &calls_.back();
  if (piece.index)
    for (auto& call : calls_)
      if (call.index == piece.index) found = &call;  // the last: an index may be used again
  if (found == nullptr) return begin();
  const bool other_id = !piece.id.empty() && piece.id.substr(0, kNameBytesMax) != found->id;
  const bool other_name = !piece.name.empty() && !found->name.empty();
  if (piece.index ? other_id && other_name : other_id || (piece.id.empty() && other_name)) return begin();
  return found;
}

void ToolCalls::add(const Piece& piece) {
  auto* const call = call_for(piece);
  if (call == nullptr) return;
  if (!call->index) call->index = piece.index;
  set_name(call->id, piece.id);
  set_name(call->name, piece.name);
  if (piece.arguments == nullptr) return;
  if (const auto* text = piece.arguments->if_string())
    call->text += std::string_view(*text);
  else if (piece.arguments->is_object())
    call->object = Json::of(*piece.arguments);
}

void ToolCalls::add_whole(const Piece& piece) {
  if (begin() == nullptr) return;
  add({std::nullopt, {}, {}, piece.arguments});
  set_name(calls_.back().id, piece.id);
  set_name(calls_.back().name, piece.name);
}

std::vector<ModelToolCall> ToolCalls::finished(std::string_view reply_id) const {
  std::vector<ModelToolCall> made;
  std::set<std::string> ids;
  for (const auto& call : calls_) {
    if (call.name.empty()) continue;
    std::string id = call.id;
    for (std::size_t number = made.size(); id.empty() || ids.contains(id); number += kToolCallsMax)
      id = minted_id(reply_id, number);
    ids.insert(id);
    made.push_back({std::move(id), call.name, call.object ? *call.object : tool_arguments(call.text)});
  }
  return made;
}

}  // namespace hillstar::providers
