// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/schema_values.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <utility>

#include "messages/json.hpp"
#include "runtime/policy/shortened.hpp"

namespace hillstar::policy {
namespace {

namespace bj = boost::json;

constexpr std::size_t kShownMax = 60;

bool is_whole(const bj::value& value) {
  if (value.is_int64() || value.is_uint64()) return true;
  return value.is_double() && std::floor(value.get_double()) == value.get_double();
}

}  // namespace

std::string shown(const bj::value& value) {
  if (value.is_array()) return "a list of " + std::to_string(value.get_array().size());
  if (value.is_object()) return "an object";
  // Only the beginning of a long text is written out, and a character more than is shown: this runs for every mismatch,
  // told or not.
  constexpr std::size_t kTaken = kShownMax + 4;
  if (const auto* text = value.if_string(); text != nullptr && text->size() > kTaken)
    return shortened(json::canonical(bj::value(shortened(std::string(text->data(), kTaken + 1), kTaken))), kShownMax);
  return shortened(json::canonical(value), kShownMax);
}

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

bool is_of(const bj::value& value, std::string_view type) {
  if (type == "integer") return is_whole(value);
  if (type == "number") return value.is_number();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_bool();
  if (type == "null") return value.is_null();
  if (type == "array") return value.is_array();
  return type == "object" && value.is_object();
}

int order_of(const bj::value& a, const bj::value& b) {
  const auto whole = [](auto left, auto right) {
    return std::cmp_less(left, right) ? -1 : std::cmp_greater(left, right) ? 1 : 0;
  };
  if (a.is_int64() && b.is_int64()) return whole(a.get_int64(), b.get_int64());
  if (a.is_int64() && b.is_uint64()) return whole(a.get_int64(), b.get_uint64());
  if (a.is_uint64() && b.is_int64()) return whole(a.get_uint64(), b.get_int64());
  if (a.is_uint64() && b.is_uint64()) return whole(a.get_uint64(), b.get_uint64());
  const double left = a.to_number<double>();
  const double right = b.to_number<double>();
  return left < right ? -1 : left > right ? 1 : 0;
}

bool is_multiple(const bj::value& value, const bj::value& of) {
  if (value.is_int64() && of.is_int64() && of.get_int64() > 0) return value.get_int64() % of.get_int64() == 0;
  const double divisor = of.to_number<double>();
  const double quotient = value.to_number<double>() / divisor;
  // 0.3 / 0.1 is a little less than 3.
  return std::isfinite(quotient) &&
         std::fabs(quotient - std::round(quotient)) <= 1e-9 * std::max(1.0, std::fabs(quotient));
}

std::size_t count_of(const bj::value& limit) {
  const double number = limit.is_number() ? limit.to_number<double>() : 0;
  return number <= 0 ? 0 : number >= 1e15 ? std::size_t{1'000'000'000'000'000} : static_cast<std::size_t>(number);
}

}  // namespace hillstar::policy
