// SPDX-License-Identifier: Apache-2.0
#include "messages/json_codec.hpp"

namespace hillstar::json::detail {

Error type_error(std::string_view path, std::string_view expected, const boost::json::value& found) {
  return {Errc::json_type,
          "expected " + std::string(expected) + ", found " + std::string(boost::json::to_string(found.kind())),
          std::string(path)};
}

Error missing_field(std::string_view path, std::string_view field) {
  return {Errc::json_type, "field '" + std::string(field) + "' is missing", std::string(path)};
}

Error unknown_field(std::string_view path, std::string_view field) {
  return {Errc::json_type, "unknown field '" + std::string(field) + "'", std::string(path)};
}

}  // namespace hillstar::json::detail
