// SPDX-License-Identifier: Apache-2.0
// OpenAI's Responses: items instead of messages, and reasoning that survives a loop of tools.
//
// Source: OpenAI's OpenAPI description (2026-08). Nothing is kept by the provider: `store` is always false, and
// reasoning goes back encrypted in ModelTurn::verbatim.
#pragma once

#include "providers/adapter.hpp"

namespace hillstar::providers {

class OpenAiResponses final : public Adapter {
 public:
  /// Errors: provider_config (base URL), tool_parameters (stop, seed, top_k, penalties, which this API does not have).
  /// `thinking` as an object is merged into `reasoning`.
  [[nodiscard]] Result<HttpRequest> encode(const ModelRequest& request, const Endpoint& endpoint) const override;
  [[nodiscard]] std::unique_ptr<ReplyReader> reader(const Endpoint& endpoint) const override;
  [[nodiscard]] Result<HttpRequest> encode_models(const Endpoint& endpoint) const override;
  [[nodiscard]] std::variant<std::vector<ModelListing>, Failure> decode_models(const HttpReply& reply,
                                                                               const Endpoint& endpoint) const override;
  [[nodiscard]] Result<HttpRequest> encode_count(const ModelRequest& request, const Endpoint& endpoint) const override;
  [[nodiscard]] std::variant<std::uint64_t, Failure> decode_count(const HttpReply& reply,
                                                                  const Endpoint& endpoint) const override;
};

/// True if the turn was written by this API and must go back as it was.
bool is_responses_turn(const ModelTurn& turn);

}  // namespace hillstar::providers
