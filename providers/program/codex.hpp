// SPDX-License-Identifier: Apache-2.0
// OpenAI's subscription through the codex program that is installed and logged in: `codex exec --json`.
//
// Source: OpenAI Codex CLI, documentation of `codex exec` and its event types, 2026-11.
#pragma once

#include <memory>

#include "providers/adapter.hpp"

namespace hillstar::providers {

class Codex final : public Adapter {
 public:
  /// The prompt, with the system text before it, goes to stdin, never into the command line. Codex may read the run's
  /// workspace and change nothing (`--sandbox read-only`). It has no word for max_tokens, which is not sent: it bounds
  /// what is reserved, not what is written. All else that it has no word for is refused.
  [[nodiscard]] Result<HttpRequest> encode(const ModelRequest& request, const Endpoint& endpoint) const override;
  /// The last message of the agent is the text.
  [[nodiscard]] std::unique_ptr<ReplyReader> reader(const Endpoint& endpoint) const override;
};

}  // namespace hillstar::providers
