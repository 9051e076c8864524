// SPDX-License-Identifier: Apache-2.0
// Google's Gemini API, versions v1 and v1beta.
//
// Sources: Gemini API reference (2026-11), requests of the official clients for both versions.
#pragma once

#include <memory>

#include "providers/adapter.hpp"

namespace hillstar::providers {

class Google final : public Adapter {
 public:
  /// Endpoint::api_version is `v1` (the default), `v1beta` or `v1alpha`; a version at the end of the base URL wins.
  ///
  /// An effort becomes a thinking level, a number a thinking budget; either brings summaries of the thoughts. Strict
  /// tools ask for validated calls. Replies by a schema always keep to it, so schema_strict changes nothing. A tool's
  /// answer that is a JSON object or array is sent as one, other text as text.
  /// Errors: provider_config (base URL, version), tool_parameters.
  [[nodiscard]] Result<HttpRequest> encode(const ModelRequest& request, const Endpoint& endpoint) const override;
  [[nodiscard]] std::unique_ptr<ReplyReader> reader(const Endpoint& endpoint) const override;

  /// `extra` is merged into the request of each text.
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
};

/// Whose turns ModelTurn::verbatim holds.
inline constexpr std::string_view kGoogleKeeper = "google";

}  // namespace hillstar::providers
