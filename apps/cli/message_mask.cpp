// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/message_mask.hpp"

#include <memory>
#include <optional>
#include <utility>

#include "runtime/policy/redaction.hpp"

namespace hillstar::cli {

std::function<std::string(std::string_view)> message_mask(std::vector<std::string> environment) {
  const auto redactor = std::make_shared<std::optional<policy::Redactor>>();
  return [redactor, environment = std::move(environment)](std::string_view text) {
    if (!*redactor) *redactor = policy::redactor_of(environment, policy::rule_choice(environment));
    return (*redactor)->redact(text);
  };
}

}  // namespace hillstar::cli
