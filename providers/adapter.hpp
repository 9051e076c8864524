// SPDX-License-Identifier: Apache-2.0
// Adapter: a provider's wire format as pure functions. Request to HTTP, HTTP to reply, stream to chunks.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "messages/error.hpp"
#include "messages/failure.hpp"
#include "messages/model.hpp"
#include "messages/secret.hpp"
#include "providers/http/transport.hpp"

namespace hillstar::providers {

/// Where and how to reach a backend.
struct Endpoint {
  std::string base_url;  ///< Without trailing slash; `/v1` is added if the path is empty.
  Secret key;            ///< Empty: no Authorization header.
  bool stream = true;
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
  [[nodiscard]] virtual Result<HttpRequest> encode(const ModelRequest& request, const Endpoint& endpoint) const = 0;
  [[nodiscard]] virtual std::unique_ptr<ReplyReader> reader(const Endpoint& endpoint) const = 0;
};

/// Adapter by name, or nullptr. Known: openai_compatible.
const Adapter* find_adapter(std::string_view name);

}  // namespace hillstar::providers
