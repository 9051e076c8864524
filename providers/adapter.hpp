// SPDX-License-Identifier: Apache-2.0
// Adapter: a provider's wire format as pure functions. Request to HTTP, HTTP to reply, stream to chunks.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "messages/error.hpp"
#include "messages/failure.hpp"
#include "messages/model.hpp"
#include "messages/secret.hpp"
#include "providers/http/transport.hpp"

namespace hillstar::providers {

/// Where and how to reach a backend.
struct Endpoint {
  std::string base_url;  ///< Without trailing slash; the adapter adds its own default path if the path is empty.
  Secret key;            ///< Empty: no key is sent.
  bool stream = true;
  std::string api_version;  ///< Of providers that version their API (anthropic, google); empty: the adapter's default.
  std::shared_ptr<const ProgramContext> program;  ///< Of a backend that is a program; null: it is none.
};

/// Collects one reply, streamed or whole. Not thread-safe; lives for one call.
class ReplyReader {
 public:
  virtual ~ReplyReader() = default;
  /// Feeds bytes of a 2xx body; returns the text that became known, possibly empty.
  virtual ModelChunk feed(std::string_view bytes) = 0;
  /// The end: the reply, or why it is none (malformed_reply, empty_reply, refused, server, ...). `http` is the outcome;
  /// for errors its body says why.
  virtual std::variant<ModelReply, Failure> finish(const HttpOutcome& http) = 0;
  /// Text received so far: kept as evidence when a stream was cut.
  [[nodiscard]] virtual const std::string& partial() const = 0;
};

class Adapter {
 public:
  virtual ~Adapter() = default;

  /// Errors: provider_config (the endpoint), tool_parameters (what this provider cannot be asked; `where` is the
  /// request's field).
  [[nodiscard]] virtual Result<HttpRequest> encode(const ModelRequest& request, const Endpoint& endpoint) const = 0;
  /// Reads streams and whole replies alike, whatever was asked for.
  [[nodiscard]] virtual std::unique_ptr<ReplyReader> reader(const Endpoint& endpoint) const = 0;

  // What not every provider has. The default: tool_parameters, "cannot ...".
  [[nodiscard]] virtual Result<HttpRequest> encode_embedding(const EmbeddingRequest& request,
                                                             const Endpoint& endpoint) const;
  [[nodiscard]] virtual std::variant<EmbeddingReply, Failure> decode_embedding(const HttpReply& reply,
                                                                               const Endpoint& endpoint) const;
  /// The models that this key may use; also the cheapest way to see whether the backend answers.
  [[nodiscard]] virtual Result<HttpRequest> encode_models(const Endpoint& endpoint) const;
  [[nodiscard]] virtual std::variant<std::vector<ModelListing>, Failure> decode_models(const HttpReply& reply,
                                                                                       const Endpoint& endpoint) const;
  /// How many tokens a request would be, counted by the provider.
  [[nodiscard]] virtual Result<HttpRequest> encode_count(const ModelRequest& request, const Endpoint& endpoint) const;
  [[nodiscard]] virtual std::variant<std::uint64_t, Failure> decode_count(const HttpReply& reply,
                                                                          const Endpoint& endpoint) const;
};

/// Adapter by name, or nullptr.
const Adapter* find_adapter(std::string_view name);

}  // namespace hillstar::providers
