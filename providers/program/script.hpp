// SPDX-License-Identifier: Apache-2.0
// Programs of the user's own as providers: one JSON object on stdin, one or more on stdout. The contract, version 1, is
// docs/guides/own_backend.md.
#pragma once

#include <memory>

#include "providers/adapter.hpp"

namespace hillstar::providers {

/// Version of the contract; a field that is added is no new version.
inline constexpr int kScriptVersion = 1;

class Script final : public Adapter {
 public:
  /// Everything that a request can say is told; what the program makes of it is its own affair.
  [[nodiscard]] Result<HttpRequest> encode(const ModelRequest& request, const Endpoint& endpoint) const override;
  /// `{"delta":"..."}` as often as it likes, then `{"text":"...", ...}`; or `{"error":{...}}`.
  [[nodiscard]] std::unique_ptr<ReplyReader> reader(const Endpoint& endpoint) const override;
};

}  // namespace hillstar::providers
