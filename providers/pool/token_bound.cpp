// SPDX-License-Identifier: Apache-2.0
#include "providers/pool/token_bound.hpp"

#include "runtime/policy/call_bound.hpp"

namespace hillstar::providers {
namespace {

/// What a chat format puts around a turn, a tool or a call.
constexpr std::uint64_t kFrameTokens = 16;

std::uint64_t size_of(const Json& json) { return json.text() == "null" ? 0 : json.text().size(); }

std::uint64_t images(const std::vector<ModelImage>& list) { return list.size() * policy::kImageTokens; }

std::uint64_t turn_bound(const ModelTurn& turn) {
  std::uint64_t sum = kFrameTokens + turn.text.size() + images(turn.images) + turn.tool_call_id.size() +
                      turn.tool_name.size() + size_of(turn.verbatim);
  for (const auto& call : turn.tool_calls)
    sum += kFrameTokens + call.id.size() + call.name.size() + size_of(call.arguments);
  return sum;
}

}  // namespace

std::uint64_t input_token_bound(const ModelRequest& request) {
  std::uint64_t sum = 2 * kFrameTokens + request.system.size() + request.prompt.size() + images(request.images) +
                      size_of(request.schema) + size_of(request.extra);
  for (const auto& turn : request.messages) sum += turn_bound(turn);
  for (const auto& tool : request.tools)
    sum += kFrameTokens + tool.name.size() + tool.description.size() + size_of(tool.parameters);
  return sum;
}

std::uint64_t output_token_bound(const ModelRequest& request) {
  return request.max_tokens ? *request.max_tokens : kReplyTokensDefault;
}

}  // namespace hillstar::providers
