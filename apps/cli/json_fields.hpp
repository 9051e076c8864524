// SPDX-License-Identifier: Apache-2.0
// What is not known is null in the JSON that commands print.
#pragma once

#include <boost/json.hpp>
#include <optional>

#include "messages/units.hpp"

namespace hillstar::cli {

template <class T>
boost::json::value or_null(const std::optional<T>& value) {
  return value ? boost::json::value(*value) : boost::json::value(nullptr);
}
/// Millionths of a dollar.
inline boost::json::value or_null(const std::optional<MicroUsd>& value) {
  return value ? boost::json::value(value->count) : boost::json::value(nullptr);
}

}  // namespace hillstar::cli
