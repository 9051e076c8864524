// SPDX-License-Identifier: Apache-2.0
// Anthropic's Messages API, at Anthropic and as Ollama answers it.
//
// Sources: API reference "Messages" of versions 2023-06-01 and 2026-10-21, the official clients' requests of both, and
// Hillstar specification 5.1 and 5.4.
#pragma once

#include <memory>

#include "providers/adapter.hpp"

namespace hillstar::providers {

class Anthropic final : public Adapter {
 public:
  enum class Service { anthropic, ollama };

  explicit Anthropic(Service service) : service_(service) {}

  /// Endpoint::api_version is a date, at Anthropic only; the default is 2026-10-21. From that date on the key goes into
  /// `authorization` and sampling is not part of the API; before, it goes into `x-api-key`.
  ///
  /// The API wants `max_tokens`: without one, 4096 beyond the thinking budget, which every model allows. Whole replies
  /// that could take more than ten minutes are refused by the service, so more than 21,333 tokens are streamed always.
  /// `betas` among the further fields become the header `anthropic-beta`.
  /// Errors: provider_config (base URL, version), tool_parameters.
  [[nodiscard]] Result<HttpRequest> encode(const ModelRequest& request, const Endpoint& endpoint) const override;
  [[nodiscard]] std::unique_ptr<ReplyReader> reader(const Endpoint& endpoint) const override;

  [[nodiscard]] Result<HttpRequest> encode_models(const Endpoint& endpoint) const override;
  [[nodiscard]] std::variant<std::vector<ModelListing>, Failure> decode_models(const HttpReply& reply,
                                                                               const Endpoint& endpoint) const override;
  /// Without `extra`, most of which counting does not know.
  [[nodiscard]] Result<HttpRequest> encode_count(const ModelRequest& request, const Endpoint& endpoint) const override;
  [[nodiscard]] std::variant<std::uint64_t, Failure> decode_count(const HttpReply& reply,
                                                                  const Endpoint& endpoint) const override;

 private:
  /// "anthropic" or "anthropic_ollama": whose turns ModelTurn::verbatim holds.
  [[nodiscard]] std::string_view name() const;
  [[nodiscard]] std::string_view label() const;
  [[nodiscard]] Result<HttpRequest> to_http(std::string_view path, std::string body, const Endpoint& endpoint) const;

  Service service_;
};

}  // namespace hillstar::providers
