// SPDX-License-Identifier: Apache-2.0
// What calls of JSON APIs have in common: an address under a version, and an object for a reply. Pure.
#pragma once

#include <boost/json/fwd.hpp>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "messages/error.hpp"
#include "messages/failure.hpp"
#include "providers/adapter.hpp"
#include "providers/http/transport.hpp"

namespace hillstar::providers {

/// `base` + `version` + `path`; a base that ends in one of `known` versions already keeps it.
/// `https://h/x`, {`/v1`}, `/messages` -> `https://h/x/v1/messages`. The first of `known` is added.
/// Errors: provider_config.
Result<std::string> versioned_url(std::string_view base, std::initializer_list<std::string_view> known,
                                  std::string_view path);

/// The object in a 2xx reply, or what its absence means.
std::variant<boost::json::object, Failure> object_in(const HttpReply& reply, const Endpoint& endpoint);

/// An array of arrays of numbers, under `key` of each element if it is not empty; or nothing.
std::optional<Json> vectors_in(const boost::json::value* list, std::string_view key);

/// Failure of a 2xx reply whose object is not what was asked for.
Failure malformed(const std::string& expected, const HttpReply& reply, const Endpoint& endpoint);

}  // namespace hillstar::providers
