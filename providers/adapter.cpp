// SPDX-License-Identifier: Apache-2.0
#include "providers/adapter.hpp"

#include "providers/anthropic.hpp"
#include "providers/google.hpp"
#include "providers/ollama.hpp"
#include "providers/openai.hpp"
#include "providers/program/codex.hpp"
#include "providers/program/script.hpp"

namespace hillstar::providers {
namespace {

Error cannot(const std::string& what) {
  return {Errc::tool_parameters, "This provider's API cannot " + what + ".", {}, "Ask another provider for it."};
}

Failure unasked() { return {FailureClass::internal, "A reply came to a request that cannot be made.", {}}; }

}  // namespace

Result<HttpRequest> Adapter::encode_embedding(const EmbeddingRequest&, const Endpoint&) const {
  return cannot("embed text");
}
std::variant<EmbeddingReply, Failure> Adapter::decode_embedding(const HttpReply&, const Endpoint&) const {
  return unasked();
}
Result<HttpRequest> Adapter::encode_models(const Endpoint&) const { return cannot("list its models"); }
std::variant<std::vector<ModelListing>, Failure> Adapter::decode_models(const HttpReply&, const Endpoint&) const {
  return unasked();
}
Result<HttpRequest> Adapter::encode_count(const ModelRequest&, const Endpoint&) const { return cannot("count tokens"); }
std::variant<std::uint64_t, Failure> Adapter::decode_count(const HttpReply&, const Endpoint&) const {
  return unasked();
}

const Adapter* find_adapter(std::string_view name) {
  static const OpenAi openai;
  static const OpenAiChat openai_chat(kOpenAiDialect);
  static const OpenAiResponses openai_responses;
  static const OpenAiChat mistral(kMistralDialect);
  static const OpenAiChat compatible(kCompatibleDialect);
  static const Anthropic anthropic(Anthropic::Service::anthropic);
  static const Anthropic anthropic_ollama(Anthropic::Service::ollama);
  static const Google google;
  static const Ollama ollama;
  static const Script script;
  static const Codex codex;
  if (name == "openai") return &openai;
  if (name == "openai_chat") return &openai_chat;
  if (name == "openai_responses") return &openai_responses;
  if (name == "mistral") return &mistral;
  if (name == "openai_compatible") return &compatible;
  if (name == "anthropic") return &anthropic;
  if (name == "anthropic_ollama") return &anthropic_ollama;
  if (name == "google") return &google;
  if (name == "ollama") return &ollama;
  if (name == "script") return &script;
  if (name == "codex") return &codex;
  return nullptr;
}

}  // namespace hillstar::providers
