// SPDX-License-Identifier: Apache-2.0
// Embeddings and lists of models, in all the shapes that servers have for them.
#include <boost/json.hpp>
#include <utility>

#include "messages/json.hpp"
#include "providers/failure.hpp"
#include "providers/fields.hpp"
#include "providers/json_http.hpp"
#include "providers/openai_chat.hpp"

namespace hillstar::providers {
namespace {

namespace bj = boost::json;

Failure malformed(std::string message, const HttpReply& reply, const Secret& key) {
  Failure failure{FailureClass::malformed_reply, std::move(message), {}};
  name_request(failure, request_id(reply), key);
  return failure;
}

std::variant<bj::value, Failure> body_of(const HttpReply& reply, const Secret& key) {
  if (reply.status < 200 || reply.status > 299) return failure_of(reply, key);
  auto value = json::parse(reply.body, {.bytes_max = kReplyBytesMax, .depth_max = kReplyDepthMax});
  if (!value) return malformed("The server's reply is no JSON: " + value.error().message, reply, key);
  if (const auto* error = member(&*value, "error")) {
    auto failure = failure_of(*error, key);
    name_request(failure, request_id(reply), key);
    return failure;
  }
  return *std::move(value);
}

bool is_vector(const bj::value& value) {
  const auto* numbers = value.if_array();
  if (numbers == nullptr || numbers->empty()) return false;
  for (const auto& number : *numbers)
    if (!number.is_number()) return false;
  return true;
}

/// Where an entry belongs: its index, or its place in the list if it has none.
std::size_t place_of(const bj::value& entry, std::size_t place) {
  const auto index = tokens(&entry, "index");
  return index ? static_cast<std::size_t>(*index) : place;
}

/// How many tokens the model reads, in the names of vLLM, Mistral, LM Studio, routers and llama.cpp.
std::optional<std::uint64_t> context_of(const bj::value& model) {
  for (const char* key :
       {"max_model_len", "max_context_length", "context_length", "context_window", "loaded_context_length"})
    if (const auto count = tokens(&model, key)) return count;
  for (const char* key : {"n_ctx", "n_ctx_train"})
    if (const auto count = tokens(member(&model, "meta"), key)) return count;
  return std::nullopt;
}

}  // namespace

std::variant<EmbeddingReply, Failure> read_openai_embedding(const HttpReply& reply, const Secret& key) {
  auto body = body_of(reply, key);
  if (auto* failure = std::get_if<Failure>(&body)) return std::move(*failure);
  const auto& value = std::get<bj::value>(body);
  const auto* data = array_member(&value, "data");
  if (data == nullptr || data->empty()) return malformed("The reply holds no vectors.", reply, key);
  bj::array vectors(data->size(), nullptr);
  for (std::size_t i = 0; i < data->size(); ++i) {
    const auto* vector = member(&(*data)[i], "embedding");
    const auto place = place_of((*data)[i], i);
    if (vector == nullptr || !is_vector(*vector)) return malformed("A vector is no list of numbers.", reply, key);
    if (place >= vectors.size() || !vectors[place].is_null())
      return malformed("The vectors are numbered wrongly.", reply, key);
    vectors[place] = *vector;
  }
  EmbeddingReply made;
  made.vectors = Json::of(vectors);
  set_name(made.model, text_member(&value, "model"));
  made.request_id = std::string(request_id(reply).substr(0, kNameBytesMax));
  set_name(made.request_id, text_member(&value, "id"));
  made.usage.input_tokens = tokens(member(&value, "usage"), "prompt_tokens").value_or(0);
  return made;
}

std::variant<std::vector<ModelListing>, Failure> read_openai_models(const HttpReply& reply, const Secret& key) {
  auto body = body_of(reply, key);
  if (auto* failure = std::get_if<Failure>(&body)) return std::move(*failure);
  const auto& value = std::get<bj::value>(body);
  const auto* list = value.if_array();
  for (const char* name : {"data", "models"})
    if (list == nullptr) list = array_member(&value, name);
  if (list == nullptr) return malformed("The reply holds no list of models.", reply, key);
  return listings_of(*list, [](const bj::value& entry) {
    const auto id = text_member(&entry, "id");
    return ModelListing{std::string(id.empty() ? text_member(&entry, "name") : id), context_of(entry)};
  });
}

}  // namespace hillstar::providers
