// SPDX-License-Identifier: Apache-2.0
// Ollama's own API: /api/chat, /api/embed and /api/tags.
//
// Sources: Ollama API description (OpenAPI, 2026-11), requests of the official client 0.6.
#pragma once

#include <memory>

#include "providers/adapter.hpp"

namespace hillstar::providers {

class Ollama final : public Adapter {
 public:
  /// Sampling and limits become `options`; further options, `num_ctx` above all, travel in `extra.options`, and
  /// `keep_alive` in `extra`. A failed tool is told by its text alone. Strict tools, forced choices of tools and serial
  /// calls are refused: there are no words for them.
  [[nodiscard]] Result<HttpRequest> encode(const ModelRequest& request, const Endpoint& endpoint) const override;
  /// A stream of JSON lines, or one object. The end is `done`; without it the reply was cut.
  [[nodiscard]] std::unique_ptr<ReplyReader> reader(const Endpoint& endpoint) const override;

  [[nodiscard]] Result<HttpRequest> encode_embedding(const EmbeddingRequest& request,
                                                     const Endpoint& endpoint) const override;
  [[nodiscard]] std::variant<EmbeddingReply, Failure> decode_embedding(const HttpReply& reply,
                                                                       const Endpoint& endpoint) const override;
  [[nodiscard]] Result<HttpRequest> encode_models(const Endpoint& endpoint) const override;
  [[nodiscard]] std::variant<std::vector<ModelListing>, Failure> decode_models(const HttpReply& reply,
                                                                               const Endpoint& endpoint) const override;
};

}  // namespace hillstar::providers
