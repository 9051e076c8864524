// SPDX-License-Identifier: Apache-2.0
// JSON: what is read and written canonically is read again as the same, and its canonical form is its own.
#include <boost/json.hpp>

#include "messages/json.hpp"
#include "tests/fuzz/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace json = hillstar::json;
  const auto text = hillstar::fuzz::text_of(data, size);
  const auto value = json::parse(text);
  const auto located = json::parse_located(std::string(text));
  hillstar::fuzz::hold(value.has_value() == located.has_value(), "both readers agree whether a text is JSON");
  if (!value) {
    hillstar::fuzz::hold(value.error().code == located.error().code, "both readers give the same reason");
    return 0;
  }
  hillstar::fuzz::hold(json::is_utf8(text), "only UTF-8 is accepted");
  const auto canonical = json::canonical(*value);
  const auto again = json::parse(canonical);
  hillstar::fuzz::hold(again.has_value(), "canonical text is JSON");
  hillstar::fuzz::hold(json::canonical(*again) == canonical, "canonical text is its own canonical form");
  return 0;
}
