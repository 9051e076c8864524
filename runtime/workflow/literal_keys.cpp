// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/literal_keys.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "messages/json.hpp"

namespace hillstar::workflow {
namespace {

bool holds_credential(std::string_view pointer) {
  const auto name = pointer.substr(pointer.rfind('/') + 1);
  return pointer.starts_with("/model_config/") && (name == "api_key" || name == "auth_token");
}

/// Just behind the string literal that starts at `begin`.
std::size_t end_of_string(std::string_view text, std::size_t begin) {
  auto at = begin + 1;
  while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
  return std::min(at + 1, text.size());
}

}  // namespace

std::string without_literal_keys(std::string text) {
  // Reading positions is slow, and nearly no file needs it.
  if (text.find("api_key") == std::string::npos && text.find("auth_token") == std::string::npos) return text;
  const auto located = json::parse_located(text);
  if (!located) return text;
  std::vector<std::pair<std::size_t, std::size_t>> literals;
  for (const auto& [pointer, begin] : located->offsets) {
    if (!holds_credential(pointer) || begin >= text.size() || text[begin] != '"') continue;
    const auto end = end_of_string(text, begin);
    if (std::string_view(text).substr(begin, end - begin).starts_with("\"${")) continue;
    literals.emplace_back(begin, end);
  }
  // From the back, so that the places before stay right.
  std::sort(literals.rbegin(), literals.rend());
  for (const auto& [begin, end] : literals) text.replace(begin, end - begin, std::string("\"") + kRedacted + "\"");
  return text;
}

}  // namespace hillstar::workflow
