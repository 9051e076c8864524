// SPDX-License-Identifier: Apache-2.0
// What credentials and personal data look like: a table of rules, and the gate that finds where one may apply. Pure.
//
// A rule is run only where one of its keywords stands, on a bounded piece of the text around it, so text without
// keywords costs one look at each byte. No rule goes by randomness alone: hashes, sequences and base64 stay.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"

namespace hillstar::policy {

/// Where a pattern starts.
enum class Start : std::uint8_t {
  keyword,   ///< With the keyword, or with what the rule takes before it.
  behind,    ///< Just behind the keyword.
  assigned,  ///< Behind the keyword, which is the end of a name, with what gives it a value: `"] = ...`.
};

/// How far behind its keyword a rule looks.
enum class Extent : std::uint8_t {
  token,  ///< Up to white space, a quote or a bracket.
  line,   ///< Up to the end of the line.
  block,  ///< Several lines, as far as kBlockBytesMax.
};
inline constexpr std::size_t kTokenBytesMax = 8 * 1024;
inline constexpr std::size_t kLineBytesMax = 4 * 1024;
inline constexpr std::size_t kBlockBytesMax = 32 * 1024;
/// Before its keyword.
inline constexpr std::size_t kBehindBytesMax = 64;

/// What a match must be besides: how many of its first bytes are masked, 0 if it is none.
using Guard = std::size_t (*)(std::string_view match);

struct SecretRule {
  std::string_view name;
  std::string_view keywords;  ///< Separated by spaces.
  const char* pattern;        ///< RE2; the first group that took part is masked, all of the match without groups.
  Guard guard = nullptr;
  Extent extent = Extent::token;
  Start start = Start::keyword;
  bool any_case = false;         ///< Of keywords and pattern.
  bool any_left = false;         ///< The keyword may follow a letter or digit.
  std::string_view before = {};  ///< A class such as "0-9a-z": bytes before the keyword that belong to the match.
  std::size_t before_max = 0;    ///< At most kBehindBytesMax.
  bool optional = false;         ///< Off unless it is switched on: personal data, and names that are no secrets.
};

/// All of them; where two find the same text, the earlier names it.
const std::vector<SecretRule>& secret_rules();

/// Which rules are used.
struct RuleChoice {
  std::vector<std::string> off;
  std::vector<std::string> on;  ///< Of the optional ones.

  bool operator==(const RuleChoice&) const = default;
};
/// The variables of an environment that choose: names, separated by commas.
inline constexpr std::string_view kRedactOff = "HILLSTAR_REDACT_OFF";
inline constexpr std::string_view kRedactOn = "HILLSTAR_REDACT_ON";
/// What those variables say; names that no rule has are ignored.
RuleChoice rule_choice(const std::vector<std::string>& environment);
/// Errors: usage for a name that no rule has.
Result<void> check_rule_choice(const std::vector<std::string>& environment);

/// What was found at a place.
struct RuleMatch {
  enum class State : std::uint8_t { none, found, unsure };  ///< unsure: it depends on what follows the text.
  State state = State::none;
  std::size_t rule = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
  bool goes_on = false;  ///< The match reached the limit of its extent: what follows belongs to it.
};

/// The chosen rules, ready for use. Immutable; threads may share it.
class SecretRules {
 public:
  explicit SecretRules(const RuleChoice& choice = {});
  ~SecretRules();
  SecretRules(const SecretRules&) = delete;
  SecretRules& operator=(const SecretRules&) = delete;

  /// The first place from `from` on where a keyword may stand; the size of `text` if there is none. The last two bytes
  /// are places only if a keyword starts with them.
  [[nodiscard]] std::size_t next_place(std::string_view text, std::size_t from) const;
  struct Place {
    std::size_t at = 0;
    std::size_t free = 0;   ///< Where the last match ended: no match starts before, and one that starts here is no part
                            ///< of a longer word.
    bool is_whole = false;  ///< Nothing follows the text.
  };
  /// What the rules find with a keyword at a place.
  [[nodiscard]] RuleMatch match_at(std::string_view text, const Place& place) const;
  /// True if a rule has a match.
  [[nodiscard]] bool finds(std::string_view text) const;
  /// True if a keyword stands in `text` where it may matter: quick, and never false where a rule has a match, also if
  /// the text is JSON and the match in one of its strings or in a name with its value.
  [[nodiscard]] bool may_find(std::string_view text) const;
  /// The rule by which a value of this name is a secret; null: it is none.
  [[nodiscard]] const SecretRule* of_value(std::string_view name, std::string_view value) const;
  /// How many of the last bytes of `text` may be the part of a match that stands before its keyword.
  [[nodiscard]] std::size_t before(std::string_view text) const;
  /// Whether `byte` continues a match of this extent that went on at its limit.
  static bool goes_on(Extent extent, unsigned char byte);

 private:
  struct Keyword;
  struct Compiled;

  void add(const SecretRule& rule, std::size_t index);
  [[nodiscard]] RuleMatch apply(std::size_t rule, std::string_view text, const Place& place, std::size_t behind) const;

  std::vector<Keyword> keywords_;
  std::vector<std::unique_ptr<Compiled>> compiled_;         // of each rule; null: not used
  std::bitset<1U << 15U> gate_;                             // hashes of the first three bytes, without their case
  std::array<bool, 256> first_{};                           // bytes that a keyword starts with
  std::array<bool, 256> single_{};                          // bytes that are a keyword
  std::array<std::vector<std::uint16_t>, 256> by_first_{};  // keywords, by their first byte without its case
  std::array<bool, 256> before_{};
  std::size_t before_max_ = 0;
  bool has_single_ = false;
};

}  // namespace hillstar::policy
