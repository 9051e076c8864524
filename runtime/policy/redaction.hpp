// SPDX-License-Identifier: Apache-2.0
// Text on its way into a record, a file or onto a terminal loses the secrets this process holds. Pure.
//
// First the values themselves are looked for: every one is found, in any text. Then what credentials look like, by
// rules; hashes, sequences and other data that only look random stay as they are.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "messages/json.hpp"
#include "runtime/policy/multi_match.hpp"
#include "runtime/policy/rule_stream.hpp"
#include "runtime/policy/secret_rules.hpp"

namespace hillstar::policy {

/// What stands in the place of a secret that the process holds; marker_of() for what a rule found.
inline constexpr std::string_view kRedacted = "[REDACTED:known_secret]";

/// Immutable and cheap to copy; threads may share it.
class Redactor {
 public:
  /// Changes nothing.
  Redactor() = default;
  /// Finds each value as it is and as base64 (of any alignment), base64url, hex, percent-encoded and escaped in JSON;
  /// of values with several lines also each longer line.
  explicit Redactor(const std::vector<std::string>& secrets) : Redactor(secrets, nullptr) {}
  /// And what `rules` find in what is left.
  Redactor(const std::vector<std::string>& secrets, std::shared_ptr<const SecretRules> rules);

  [[nodiscard]] bool empty() const { return patterns_ == nullptr && rules_ == nullptr; }
  [[nodiscard]] bool finds(std::string_view text) const;
  [[nodiscard]] std::string redact(std::string_view text) const;
  /// Every string and name in it, and what a name such as `password` says is one; the shape stays.
  [[nodiscard]] Json redact(const Json& json) const;

 private:
  friend class StreamRedactor;
  [[nodiscard]] bool holds(std::string_view text) const;  // a value

  std::shared_ptr<const MultiMatch> patterns_;
  std::shared_ptr<const SecretRules> rules_;
};

/// Masks the secrets of an environment (`NAME=value`), and what the chosen rules find besides.
Redactor redactor_of(const std::vector<std::string>& environment, const RuleChoice& choice);

/// The same for text that comes in pieces: a secret that is cut in two is found. Holds back what may be the beginning
/// of one. Not thread-safe; one per stream.
class StreamRedactor {
 public:
  explicit StreamRedactor(Redactor redactor) : redactor_(std::move(redactor)), rules_(redactor_.rules_) {}

  /// What is certain to be no part of a secret, with markers in the place of those that were found.
  std::string feed(std::string_view bytes);
  /// What was held back.
  std::string finish();

 private:
  std::string without_values(std::string_view bytes);
  void release(std::size_t count, std::string& out);

  Redactor redactor_;
  RuleStream rules_;  // of what the values are gone from
  MultiMatch::State state_ = 0;
  std::string pending_;
  std::vector<bool> secret_;  // of each byte in `pending_`
  bool inside_ = false;       // the last byte that was released was part of a secret
};

}  // namespace hillstar::policy
