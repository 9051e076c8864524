// SPDX-License-Identifier: Apache-2.0
#include "providers/adapter.hpp"

#include "providers/openai_compatible.hpp"

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
  static const OpenAiCompatible compatible(OpenAiCompatible::Dialect::compatible);
  static const OpenAiCompatible openai(OpenAiCompatible::Dialect::openai);
  if (name == "openai_compatible") return &compatible;
  if (name == "openai") return &openai;
  return nullptr;
}

}  // namespace hillstar::providers
