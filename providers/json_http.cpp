// SPDX-License-Identifier: Apache-2.0
#include "providers/json_http.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "messages/json.hpp"
#include "providers/failure.hpp"
#include "providers/fields.hpp"
#include "providers/http/url.hpp"

namespace hillstar::providers {

namespace bj = boost::json;

Result<std::string> versioned_url(std::string_view base, std::initializer_list<std::string_view> known,
                                  std::string_view path) {
  while (base.ends_with('/')) base.remove_suffix(1);
  HILLSTAR_TRY(const Url url, parse_url(base));
  if (url.target.find('?') != std::string::npos)
    return Error{Errc::provider_config, "A base address has no query.", std::string(base), "Remove it."};
  const bool has_version =
      std::any_of(known.begin(), known.end(), [&](std::string_view version) { return url.target.ends_with(version); });
  std::string full(base);
  if (!has_version) full += *known.begin();
  return full.append(path);
}

std::variant<bj::object, Failure> object_in(const HttpReply& reply, const Endpoint& endpoint) {
  if (reply.status < 200 || reply.status > 299) return failure_of(reply, endpoint.key);
  auto value = json::parse(reply.body, {.bytes_max = kReplyBytesMax, .depth_max = kReplyDepthMax});
  if (!value || !value->is_object()) return malformed("a JSON object", reply, endpoint);
  return std::move(value->get_object());
}

std::optional<Json> vectors_in(const bj::value* list, std::string_view key) {
  if (list == nullptr || !list->is_array()) return std::nullopt;
  bj::array vectors;
  for (const auto& element : list->get_array()) {
    const auto* vector = key.empty() ? &element : member(&element, key);
    if (vector == nullptr || !vector->is_array()) return std::nullopt;
    const auto& numbers = vector->get_array();
    if (!std::all_of(numbers.begin(), numbers.end(), [](const bj::value& number) { return number.is_number(); }))
      return std::nullopt;
    vectors.push_back(*vector);
  }
  return Json::of(std::move(vectors));
}

std::variant<std::uint64_t, Failure> count_in(const HttpReply& reply, const Endpoint& endpoint, std::string_view key) {
  auto found = object_in(reply, endpoint);
  if (auto* failure = std::get_if<Failure>(&found)) return std::move(*failure);
  const bj::value object(std::move(std::get<bj::object>(found)));
  if (const auto count = tokens(&object, key)) return *count;
  return malformed("a count of tokens", reply, endpoint);
}

std::vector<ModelListing> listings_of(const bj::array& list, ReadListing read) {
  std::vector<ModelListing> models;
  for (const auto& entry : list) {
    if (models.size() == kModelsMax) break;
    auto model = read(entry);
    if (model.id.empty()) continue;
    model.id.resize(std::min(model.id.size(), kNameBytesMax));
    models.push_back(std::move(model));
  }
  return models;
}

std::variant<std::vector<ModelListing>, Failure> listings_in(const HttpReply& reply, const Endpoint& endpoint,
                                                             std::string_view key, ReadListing read) {
  auto found = object_in(reply, endpoint);
  if (auto* failure = std::get_if<Failure>(&found)) return std::move(*failure);
  const bj::value object(std::move(std::get<bj::object>(found)));
  const auto* list = array_member(&object, key);
  if (list == nullptr) return malformed("a list of models", reply, endpoint);
  return listings_of(*list, read);
}

Failure malformed(const std::string& expected, const HttpReply& reply, const Endpoint& endpoint) {
  Failure failure{FailureClass::malformed_reply, "The server's reply has not " + expected + ".", std::nullopt};
  name_request(failure, request_id(reply), endpoint.key);
  return failure;
}

}  // namespace hillstar::providers
