// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/call_text.hpp"

#include <boost/json.hpp>

#include "apps/cli/text_diff.hpp"
#include "messages/json.hpp"

namespace hillstar::cli {

namespace bj = boost::json;

std::string request_text(const bj::value& record) {
  const auto text = [](const bj::value* value) {
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
  };
  std::string out = text(json::member(record, "method")) + " " + text(json::member(record, "url")) + "\n";
  if (const auto* headers = json::member(record, "headers"); headers != nullptr && headers->is_object())
    for (const auto& [name, value] : headers->get_object()) out += std::string(name) + ": " + text(&value) + "\n";
  out += "\n";
  if (const auto* body = json::member(record, "body"); body != nullptr && body->is_string())
    out += text(body);
  else if (body != nullptr)
    out += pretty(*body);
  return out;
}

}  // namespace hillstar::cli
