// SPDX-License-Identifier: Apache-2.0
// Reading what providers send: absent, null and of the wrong type are the same, and nothing is trusted. Pure.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "messages/json.hpp"

namespace hillstar::providers {

/// Limits of one JSON value in a reply.
inline constexpr std::size_t kReplyBytesMax = 64U << 20U;
inline constexpr std::size_t kReplyDepthMax = 64;
/// Longest model name, id or other short word that is kept of a reply.
inline constexpr std::size_t kNameBytesMax = 256;

/// The member, or nullptr if `value` is no object (or nullptr itself) or the member is absent or null.
const boost::json::value* member(const boost::json::value* value, std::string_view key);
/// Its text, or empty.
std::string_view text_member(const boost::json::value* value, std::string_view key);
/// Its elements, or nullptr.
const boost::json::array* array_member(const boost::json::value* value, std::string_view key);
/// A token count, or nothing if it is absent, negative, broken or absurd.
std::optional<std::uint64_t> tokens(const boost::json::value* value, std::string_view key);
/// The first name that is given stays; cut to kNameBytesMax.
void set_name(std::string& name, std::string_view text);

/// Arguments of a tool call as providers write them: JSON text, an object, or nothing at all (an empty object).
/// Text that is no JSON object stays a string.
Json tool_arguments(std::string_view text);

}  // namespace hillstar::providers
