// SPDX-License-Identifier: Apache-2.0
// What JSON Schema asks of a single value, and how a message shows one. For json_schema.cpp. Pure.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstddef>
#include <string>
#include <string_view>

namespace hillstar::policy {

/// For a message: the beginning of a value, or what kind of value it is. Quick, however long the value is.
std::string shown(const boost::json::value& value);

/// Characters of UTF-8 text.
std::size_t code_points(std::string_view text);

/// True if the value has this `type`. 1.0 is an integer.
bool is_of(const boost::json::value& value, std::string_view type);

/// Below, at or above 0, as the number `a` is less than, equal to or more than `b`. Exact for whole numbers.
int order_of(const boost::json::value& a, const boost::json::value& b);

/// `multipleOf`, both being numbers. Decimal fractions are taken as they are written: 0.3 is a multiple of 0.1.
bool is_multiple(const boost::json::value& value, const boost::json::value& of);

/// `minItems` and its kin as a number; 0 if it is none.
std::size_t count_of(const boost::json::value& limit);

}  // namespace hillstar::policy
