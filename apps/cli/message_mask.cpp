// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/message_mask.hpp"

#include <memory>
#include <optional>
#include <utility>

#include "runtime/policy/known_secrets.hpp"
#include "runtime/policy/redaction.hpp"

namespace hillstar::cli {

std::function<std::string(std::string_view)> message_mask(std::vector<std::string> environment) {
  const auto redactor = std::make_shared<std::optional<policy::Redactor>>();
  return [redactor, environment = std::move(environment)](std::string_view text) {
    if (!*redactor) {
      std::vector<std::string> values;
      for (auto& secret : policy::secrets_of(environment)) values.push_back(std::move(secret.value));
      redactor->emplace(values, std::make_shared<const policy::SecretRules>(policy::rule_choice(environment)));
    }
    return (*redactor)->redact(text);
  };
}

}  // namespace hillstar::cli
