// SPDX-License-Identifier: Apache-2.0
// What is secret in an environment, made ready once: rules take milliseconds to compile, and many runs, or attempts on
// a worker, share one environment.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/policy/known_secrets.hpp"
#include "runtime/policy/redaction.hpp"
#include "runtime/policy/rules.hpp"
#include "runtime/policy/secret_rules.hpp"

namespace hillstar::policy {

/// Keeps the last one. Not thread-safe.
class EnvironmentSecrets {
 public:
  struct Entry {
    std::uint64_t number = 0;         ///< Grows with each that is made ready; never 0.
    std::vector<std::string> redact;  ///< Rules that were switched on besides.
    std::vector<std::string> variables;
    std::vector<KnownSecret> secrets;
    Redactor redactor;
  };

  /// `rules` null: nobody gave any. The reference holds until the next call.
  const Entry& of(const std::vector<std::string>& environment, const Rules* rules);

 private:
  Entry last_;
  std::shared_ptr<const SecretRules> rules_;  ///< As choice_ says; null: not needed yet.
  RuleChoice choice_;
};

}  // namespace hillstar::policy
