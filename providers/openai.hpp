// SPDX-License-Identifier: Apache-2.0
// OpenAI, by whichever of its two APIs a request can be made. openai_chat and openai_responses name one of them.
#pragma once

#include "providers/openai_chat.hpp"
#include "providers/openai_responses.hpp"

namespace hillstar::providers {

class OpenAi final : public Adapter {
 public:
  /// Chat Completions, unless the request needs Responses: reasoning that goes back, tools together with reasoning
  /// from gpt-5.6 on, fields that only Responses have. Error tool_parameters: it needs both.
  [[nodiscard]] Result<HttpRequest> encode(const ModelRequest& request, const Endpoint& endpoint) const override;
  /// Reads the replies of both.
  [[nodiscard]] std::unique_ptr<ReplyReader> reader(const Endpoint& endpoint) const override;
  [[nodiscard]] Result<HttpRequest> encode_embedding(const EmbeddingRequest& request,
                                                     const Endpoint& endpoint) const override;
  [[nodiscard]] std::variant<EmbeddingReply, Failure> decode_embedding(const HttpReply& reply,
                                                                       const Endpoint& endpoint) const override;
  [[nodiscard]] Result<HttpRequest> encode_models(const Endpoint& endpoint) const override;
  [[nodiscard]] std::variant<std::vector<ModelListing>, Failure> decode_models(const HttpReply& reply,
                                                                               const Endpoint& endpoint) const override;
  [[nodiscard]] Result<HttpRequest> encode_count(const ModelRequest& request, const Endpoint& endpoint) const override;
  [[nodiscard]] std::variant<std::uint64_t, Failure> decode_count(const HttpReply& reply,
                                                                  const Endpoint& endpoint) const override;

 private:
  OpenAiChat chat_{kOpenAiDialect};
  OpenAiResponses responses_;
};

}  // namespace hillstar::providers
