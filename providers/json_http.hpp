// SPDX-License-Identifier: Apache-2.0
// What calls of JSON APIs have in common: an address under a version, and an object for a reply. Pure.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "messages/error.hpp"
#include "messages/failure.hpp"
#include "providers/adapter.hpp"
#include "providers/http/transport.hpp"

namespace hillstar::providers {

/// Most models of a server that are listed.
inline constexpr std::size_t kModelsMax = 10'000;

/// `base` + `version` + `path`; a base that ends in one of `known` versions already keeps it.
/// `https://h/x`, {`/v1`}, `/messages` -> `https://h/x/v1/messages`. The first of `known` is added.
/// Errors: provider_config.
Result<std::string> versioned_url(std::string_view base, std::initializer_list<std::string_view> known,
                                  std::string_view path);

/// The object in a 2xx reply, or what its absence means.
std::variant<boost::json::object, Failure> object_in(const HttpReply& reply, const Endpoint& endpoint);

/// An array of arrays of numbers, under `key` of each element if it is not empty; or nothing.
std::optional<Json> vectors_in(const boost::json::value* list, std::string_view key);

/// The number of tokens under `key` of the object.
std::variant<std::uint64_t, Failure> count_in(const HttpReply& reply, const Endpoint& endpoint, std::string_view key);

/// Reads one entry of a list of models; an empty id drops it.
using ReadListing = ModelListing (*)(const boost::json::value& entry);
/// The first kModelsMax models of the list, with ids of kNameBytesMax bytes at most.
std::vector<ModelListing> listings_of(const boost::json::array& list, ReadListing read);
/// The same of the list under `key` of the object.
std::variant<std::vector<ModelListing>, Failure> listings_in(const HttpReply& reply, const Endpoint& endpoint,
                                                             std::string_view key, ReadListing read);

/// Failure of a 2xx reply whose object is not what was asked for.
Failure malformed(const std::string& expected, const HttpReply& reply, const Endpoint& endpoint);

}  // namespace hillstar::providers
