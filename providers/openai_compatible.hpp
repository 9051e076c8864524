// SPDX-License-Identifier: Apache-2.0
// Chat completions, as OpenAI defined them and as llama.cpp, vLLM, Ollama, Mistral and routers answer them.
//
// Sources: OpenAI API reference "Chat" (2026-08), Hillstar specification 5.2, llama.cpp server documentation.
#pragma once

#include <memory>

#include "providers/adapter.hpp"

namespace hillstar::providers {

class OpenAiCompatible final : public Adapter {
 public:
  /// compatible: `max_tokens`, which every server knows. openai: `max_completion_tokens`, which reasoning models want.
  enum class Dialect { compatible, openai };

  explicit OpenAiCompatible(Dialect dialect) : dialect_(dialect) {}

  /// Errors: provider_config (base URL), tool_parameters (`extra` is no object).
  [[nodiscard]] Result<HttpRequest> encode(const ModelRequest& request, const Endpoint& endpoint) const override;
  /// Reads streams and whole replies alike, whatever was asked for: it looks at the first byte.
  [[nodiscard]] std::unique_ptr<ReplyReader> reader(const Endpoint& endpoint) const override;

 private:
  Dialect dialect_;
};

}  // namespace hillstar::providers
