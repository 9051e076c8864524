// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/environment_secrets.hpp"

#include <utility>

namespace hillstar::policy {

const EnvironmentSecrets::Entry& EnvironmentSecrets::of(const std::vector<std::string>& environment,
                                                        const Rules* rules) {
  static const std::vector<std::string> kNothing;
  const auto& redact = rules != nullptr ? rules->redact : kNothing;
  if (last_.number != 0 && last_.variables == environment && last_.redact == redact) return last_;
  auto secrets = secrets_of(environment);
  std::vector<std::string> values;
  values.reserve(secrets.size());
  for (const auto& secret : secrets) values.push_back(secret.value);
  auto choice = rule_choice(environment, rules);
  if (!rules_ || choice_ != choice) {
    rules_ = std::make_shared<const SecretRules>(choice);
    choice_ = std::move(choice);
  }
  last_ = {last_.number + 1, redact, environment, std::move(secrets), Redactor(values, rules_)};
  return last_;
}

}  // namespace hillstar::policy
