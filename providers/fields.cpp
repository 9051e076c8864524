// SPDX-License-Identifier: Apache-2.0
#include "providers/fields.hpp"

#include <boost/json.hpp>

#include "providers/text.hpp"

namespace hillstar::providers {
namespace {

namespace bj = boost::json;

/// More tokens than any model reads or writes: a count above it is a server's mistake.
constexpr std::int64_t kTokensMax = 1'000'000'000;

}  // namespace

const bj::value* member(const bj::value* value, std::string_view key) {
  return value != nullptr ? json::member(*value, key) : nullptr;
}

std::string_view text_member(const bj::value* value, std::string_view key) {
  const auto* found = member(value, key);
  return found != nullptr && found->is_string() ? std::string_view(found->get_string()) : std::string_view();
}

const bj::array* array_member(const bj::value* value, std::string_view key) {
  const auto* found = member(value, key);
  return found != nullptr ? found->if_array() : nullptr;
}

std::optional<std::uint64_t> tokens(const bj::value* value, std::string_view key) {
  const auto* count = member(value, key);
  if (count == nullptr || !count->is_number()) return std::nullopt;
  boost::system::error_code code;
  const auto number = count->to_number<std::int64_t>(code);
  if (code || number < 0 || number > kTokensMax) return std::nullopt;
  return static_cast<std::uint64_t>(number);
}

void set_name(std::string& name, std::string_view text) {
  if (!text.empty() && name.empty()) name = text.substr(0, kNameBytesMax);
}

Json tool_arguments(std::string_view text) {
  if (trimmed(text).empty()) return Json::of(bj::object{});
  const auto value = json::parse(text, {.bytes_max = kReplyBytesMax, .depth_max = kReplyDepthMax});
  return value && value->is_object() ? Json::of(*value) : Json::string(json::to_utf8(text));
}

}  // namespace hillstar::providers
