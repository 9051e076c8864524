// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/credential_check.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace hillstar::policy {
namespace {

namespace bj = boost::json;

constexpr std::string_view kMarker = "[REDACTED:";

/// Markers that masking has put in, by name; empty if none of them is a credential's.
std::string credential_in(std::string_view given, std::string_view masked) {
  for (auto at = masked.find(kMarker); at != std::string_view::npos; at = masked.find(kMarker, at + 1)) {
    const auto begin = at + kMarker.size();
    const auto name = masked.substr(begin, masked.find(']', begin) - begin);
    const auto& rules = secret_rules();
    const auto rule = std::find_if(rules.begin(), rules.end(), [&](const auto& one) { return one.name == name; });
    const bool was_there = given.find(masked.substr(at, kMarker.size() + name.size() + 1)) != std::string_view::npos;
    if (rule != rules.end() && !rule->optional && !was_there) return std::string(name);
  }
  return {};
}

std::optional<FoundCredential> look(const bj::value& given, const bj::value& masked, const std::string& pointer) {
  if (const auto* text = given.if_string()) {
    const auto* clean = masked.if_string();
    if (clean == nullptr || *clean == *text) return std::nullopt;
    auto rule = credential_in({text->data(), text->size()}, {clean->data(), clean->size()});
    if (!rule.empty()) return FoundCredential{std::move(rule), pointer};
  } else if (const auto* array = given.if_array()) {
    for (std::size_t i = 0; i < array->size(); ++i)
      if (auto found = look((*array)[i], masked.get_array()[i], pointer + "/" + std::to_string(i))) return found;
  } else if (const auto* object = given.if_object()) {
    // Names are masked too, but keep their order.
    auto clean = masked.get_object().begin();
    for (const auto& [name, value] : *object) {
      if (clean == masked.get_object().end()) break;
      const auto at = pointer + "/" + json::pointer_token(name);
      if (auto rule = credential_in(name, clean->key()); !rule.empty())
        return FoundCredential{std::move(rule), pointer};
      if (auto found = look(value, clean->value(), at)) return found;
      ++clean;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<FoundCredential> first_credential(const Redactor& redactor, const Json& given) {
  const auto masked = redactor.redact(given);
  if (masked.text() == given.text()) return std::nullopt;
  return look(given.value(), masked.value(), {});
}

std::optional<FoundCredential> first_credential(const Redactor& redactor, std::string_view document) {
  const auto tree = json::parse(document);
  return tree ? first_credential(redactor, Json::of(*tree)) : std::nullopt;
}

}  // namespace hillstar::policy
