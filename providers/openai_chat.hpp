// SPDX-License-Identifier: Apache-2.0
// Chat Completions, as OpenAI defined them and as Mistral, llama.cpp, vLLM, LM Studio and routers take them.
//
// Sources: OpenAI's OpenAPI description (2026-08), Mistral's (2026-08), Hillstar specification 5.2, llama.cpp server
// documentation.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "providers/adapter.hpp"
#include "providers/request_body.hpp"

namespace hillstar::providers {

/// In what the servers of one kind differ from the others.
struct ChatDialect {
  std::string_view name;
  std::string_view max_tokens = "max_tokens";
  std::string_view seed = "seed";
  std::string_view dimensions = "dimensions";  ///< Of an embedding.
  std::string_view required = "required";      ///< The choice of tools "any of them, but one".
  bool knows_developer = false;                ///< Otherwise such text goes as the system's.
  bool knows_verbosity = true;
  bool knows_local_fields = false;  ///< top_k and thinking.
  bool says_stream_options = true;  ///< Usage comes at the end of a stream only if asked for.
  bool always_says_stream = false;  ///< `stream` is sent even if false.
  bool plain_images = false;        ///< The URL alone, if no detail is wanted.
  bool numbers_calls = false;       ///< `index` of calls, `name` of answers, `prefix` of the assistant's turns.
  bool says_encoding = false;       ///< `encoding_format` of embeddings.
  bool free_numbers = false;        ///< Ranges are the server's business.
  double temperature_max = 2;
  std::size_t stops_max = 0;  ///< 0: no limit is known.
};

inline constexpr ChatDialect kOpenAiDialect{.name = "openai_chat",
                                            .max_tokens = "max_completion_tokens",
                                            .knows_developer = true,
                                            .says_encoding = true,
                                            .stops_max = 4};
inline constexpr ChatDialect kMistralDialect{.name = "mistral",
                                             .seed = "random_seed",
                                             .dimensions = "output_dimension",
                                             .required = "any",
                                             .knows_verbosity = false,
                                             .says_stream_options = false,
                                             .always_says_stream = true,
                                             .plain_images = true,
                                             .numbers_calls = true,
                                             .temperature_max = 1.5};
/// The widest: what a server does not know, it ignores or refuses itself.
inline constexpr ChatDialect kCompatibleDialect{
    .name = "openai_compatible", .knows_local_fields = true, .free_numbers = true};

class OpenAiChat final : public Adapter {
 public:
  /// `dialect` must outlive the adapter.
  explicit OpenAiChat(const ChatDialect& dialect) : dialect_(dialect) {}

  /// Errors: provider_config (base URL), tool_parameters (what this dialect cannot say). Caching of the system text is
  /// automatic at all of these servers, so `system_cache` needs no words.
  [[nodiscard]] Result<HttpRequest> encode(const ModelRequest& request, const Endpoint& endpoint) const override;
  [[nodiscard]] std::unique_ptr<ReplyReader> reader(const Endpoint& endpoint) const override;
  [[nodiscard]] Result<HttpRequest> encode_embedding(const EmbeddingRequest& request,
                                                     const Endpoint& endpoint) const override;
  [[nodiscard]] std::variant<EmbeddingReply, Failure> decode_embedding(const HttpReply& reply,
                                                                       const Endpoint& endpoint) const override;
  [[nodiscard]] Result<HttpRequest> encode_models(const Endpoint& endpoint) const override;
  [[nodiscard]] std::variant<std::vector<ModelListing>, Failure> decode_models(const HttpReply& reply,
                                                                               const Endpoint& endpoint) const override;

 private:
  const ChatDialect& dialect_;
};

/// `messages`: the system text, the turns, the prompt. The request has been checked (request_checks.hpp).
void set_chat_messages(RequestBody& body, const ModelRequest& request, const ChatDialect& dialect);

/// Lists as all of OpenAI's kin write them.
std::variant<EmbeddingReply, Failure> read_openai_embedding(const HttpReply& reply, const Secret& key);
std::variant<std::vector<ModelListing>, Failure> read_openai_models(const HttpReply& reply, const Secret& key);

}  // namespace hillstar::providers
