// SPDX-License-Identifier: Apache-2.0
// Text in pieces on its way through the rules. How it is cut changes nothing. Pure.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/policy/secret_rules.hpp"

namespace hillstar::policy {

/// What stands in the place of what `rule` found: `[REDACTED:openai_key]`.
std::string marker_of(const SecretRule& rule);

/// Holds back what may belong to a match: a few bytes in ordinary text, behind a keyword at most about
/// kBlockBytesMax. Not thread-safe; one per stream.
class RuleStream {
 public:
  /// Null: changes nothing.
  explicit RuleStream(std::shared_ptr<const SecretRules> rules) : rules_(std::move(rules)) {}

  std::string feed(std::string_view bytes);
  std::string finish();

 private:
  struct Mask {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::size_t rule = 0;
    Extent extent = Extent::token;  // of the match that goes on
    bool goes_on = false;
    bool is_out = false;  // its marker was given out, and bytes of it may follow
  };

  std::string take(std::string_view bytes, bool is_whole);
  void scan(bool is_whole);
  void add(const RuleMatch& match);
  void extend();
  void release(std::size_t limit, bool is_whole, std::string& out);
  void forget();

  std::shared_ptr<const SecretRules> rules_;
  std::string text_;         // some that is out, for what looks back, and what is not
  std::size_t out_ = 0;      // all before is out
  std::size_t scanned_ = 0;  // no keyword starts before that was not looked at
  std::size_t free_ = 0;     // where the last mask before that ends
  std::vector<Mask> masks_;  // in order, apart
};

}  // namespace hillstar::policy
