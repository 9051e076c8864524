// SPDX-License-Identifier: Apache-2.0
// The gate and the rules behind it.
#include <re2/re2.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "runtime/policy/secret_rules.hpp"

namespace hillstar::policy {
namespace {

using State = RuleMatch::State;

/// Between a name and what gives it a value: quotes, backslashes, spaces.
constexpr std::size_t kAssignBytesMax = 20;
constexpr int kGroupsMax = 4;

unsigned char fold(unsigned char c) { return c >= 'A' && c <= 'Z' ? static_cast<unsigned char>(c | 0x20U) : c; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_word(char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-'; }

/// Three bytes without their case, as one of 2^15 numbers.
std::uint32_t hash_of(std::uint32_t three) { return ((three | 0x202020U) * 0x9E3779B1U) >> 17U; }
std::uint32_t three_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[at + i])); };
  return byte(0) | byte(1) << 8U | byte(2) << 16U;
}

/// Calls `take` with each of the names in `list`.
template <class Take>
void each_of(std::string_view list, char separator, const Take& take) {
  while (!list.empty()) {
    const auto end = std::min(list.find(separator), list.size());
    auto name = list.substr(0, end);
    while (!name.empty() && name.front() == ' ') name.remove_prefix(1);
    while (!name.empty() && name.back() == ' ') name.remove_suffix(1);
    if (!name.empty()) take(name);
    list.remove_prefix(std::min(end + 1, list.size()));
  }
}

std::array<bool, 256> bytes_of(std::string_view byte_class) {
  std::array<bool, 256> set{};
  for (std::size_t i = 0; i < byte_class.size(); ++i) {
    const bool range = i + 2 < byte_class.size() && byte_class[i + 1] == '-';
    const auto last = static_cast<unsigned char>(byte_class[range ? i + 2 : i]);
    for (unsigned c = static_cast<unsigned char>(byte_class[i]); c <= last; ++c) set[c] = true;
    if (range) i += 2;
  }
  return set;
}

/// What no token goes beyond.
bool ends_token(unsigned char c) { return c <= ' ' || c == 0x7F || std::strchr("\"'`<>()[]{},;|\\", c) != nullptr; }

/// True if `begin` is no place within a word; escapes that end with a letter or digit are none: `\n`, `%20`, colours.
bool is_free(std::string_view text, std::size_t begin) {
  if (begin == 0 || !is_word(text[begin - 1])) return true;
  const char last = text[begin - 1];
  if (begin >= 2 && text[begin - 2] == '\\' && std::strchr("nrtbf", last) != nullptr) return true;
  if (begin >= 3 && text[begin - 3] == '%' && (text[begin - 2] == '2' || text[begin - 2] == '3')) return true;
  if (last != 'm') return false;
  constexpr std::size_t kColourBytesMax = 10;
  std::size_t at = begin - 1;
  while (at > 0 && begin - at < kColourBytesMax && (is_digit(text[at - 1]) || text[at - 1] == ';')) --at;
  return at > 0 && text[at - 1] == '[';
}

/// True if a keyword at `place` is part of `[REDACTED:name]`.
bool is_marker(std::string_view text, std::size_t place) {
  constexpr std::string_view kMarker = "[REDACTED:";
  std::size_t begin = place;
  while (begin > 0 && place - begin < kBehindBytesMax && (text[begin - 1] == '_' || is_letter(text[begin - 1])))
    --begin;
  return text.substr(0, begin).ends_with(kMarker);
}

/// Whether a value is given behind a name that ends at `at`.
State assigns(std::string_view text, std::size_t at) {
  for (const auto end = at + kAssignBytesMax; at < end; ++at) {
    if (at >= text.size()) return State::unsure;
    const char c = text[at];
    if (c == '=' || c == ':') return State::found;
    if (!is_digit(c) && (c == '\0' || std::strchr("_\\\"'] \t", c) == nullptr)) return State::none;
  }
  return State::none;
}

std::size_t limit_of(Extent extent) {
  if (extent == Extent::token) return kTokenBytesMax;
  return extent == Extent::line ? kLineBytesMax : kBlockBytesMax;
}

/// Where the extent ends that starts at `from`; nothing: that is not seen yet.
std::optional<std::size_t> end_of_extent(Extent extent, std::string_view text, std::size_t from, bool is_whole) {
  const std::size_t limit = from + limit_of(extent);
  const auto seen = std::min(limit, text.size());
  std::size_t at = from;
  if (extent == Extent::token) {
    while (at < seen && !ends_token(static_cast<unsigned char>(text[at]))) ++at;
  } else if (extent == Extent::line) {
    while (at < seen && text[at] != '\n' && text[at] != '\r' && text[at] != '\0') ++at;
  } else {
    // Everything up to the end mark and its line, or NUL.
    while (at < seen && text[at] != '\0') ++at;
    const auto mark = text.substr(from, at - from).find("-----END");
    if (mark != std::string_view::npos) {
      const auto close = text.substr(from, at - from).find("-----", mark + 8);
      if (close != std::string_view::npos) at = from + close + 5;
    }
  }
  if (at < text.size() || at == limit || is_whole) return at;
  return std::nullopt;
}

bool is_rule(std::string_view name) {
  const auto& rules = secret_rules();
  return std::any_of(rules.begin(), rules.end(), [&](const SecretRule& rule) { return rule.name == name; });
}

/// Names in the two variables.
template <class Take>
void each_choice(const std::vector<std::string>& environment, const Take& take) {
  for (const std::string_view entry : environment) {
    const auto equals = entry.find('=');
    const auto variable = entry.substr(0, equals);
    if (equals != std::string_view::npos && (variable == kRedactOff || variable == kRedactOn))
      each_of(entry.substr(equals + 1), ',', [&](std::string_view name) { take(variable, name); });
  }
}

}  // namespace

struct SecretRules::Keyword {
  std::string text;
  bool any_case = false;
  std::vector<std::size_t> rules;

  /// found: it stands at `at`; unsure: the text ends before it does.
  [[nodiscard]] State stands(std::string_view in, std::size_t at, bool is_whole) const {
    const auto count = std::min(text.size(), in.size() - at);
    for (std::size_t i = 0; i < count; ++i) {
      const auto byte = static_cast<unsigned char>(in[at + i]);
      if ((any_case ? fold(byte) : byte) != static_cast<unsigned char>(text[i])) return State::none;
    }
    if (count == text.size()) return State::found;
    return is_whole ? State::none : State::unsure;
  }
};

struct SecretRules::Compiled {
  explicit Compiled(const SecretRule& rule) : before(bytes_of(rule.before)), pattern(rule.pattern, options_of(rule)) {}

  static re2::RE2::Options options_of(const SecretRule& rule) {
    re2::RE2::Options options;
    options.set_encoding(re2::RE2::Options::EncodingLatin1);
    options.set_case_sensitive(!rule.any_case);
    options.set_log_errors(false);
    options.set_dot_nl(false);
    return options;
  }

  std::array<bool, 256> before;
  re2::RE2 pattern;
};

SecretRules::SecretRules(const RuleChoice& choice) {
  const auto& rules = secret_rules();
  const auto holds = [](const std::vector<std::string>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  compiled_.resize(rules.size());
  for (std::size_t i = 0; i < rules.size(); ++i)
    if (!holds(choice.off, rules[i].name) && (!rules[i].optional || holds(choice.on, rules[i].name))) add(rules[i], i);
}

SecretRules::~SecretRules() = default;

void SecretRules::add(const SecretRule& rule, std::size_t index) {
  compiled_[index] = std::make_unique<Compiled>(rule);
  for (std::size_t c = 0; c < before_.size(); ++c) before_[c] = before_[c] || compiled_[index]->before[c];
  before_max_ = std::max(before_max_, rule.before_max);
  each_of(rule.keywords, ' ', [&](std::string_view given) {
    std::string text(given);
    if (rule.any_case)
      for (char& c : text) c = static_cast<char>(fold(static_cast<unsigned char>(c)));
    auto keyword = std::find_if(keywords_.begin(), keywords_.end(), [&](const Keyword& other) {
      return other.text == text && other.any_case == rule.any_case;
    });
    if (keyword == keywords_.end()) {
      const auto first = fold(static_cast<unsigned char>(text.front()));
      by_first_[first].push_back(static_cast<std::uint16_t>(keywords_.size()));
      first_[first] = true;
      if (text.size() < 3) {
        single_[first] = has_single_ = true;
      } else {
        gate_.set(hash_of(three_at(text, 0)));
      }
      keyword = keywords_.insert(keywords_.end(), {std::move(text), rule.any_case, {}});
    }
    keyword->rules.push_back(index);
  });
}

std::size_t SecretRules::next_place(std::string_view text, std::size_t from) const {
  std::size_t at = from;
  if (!has_single_) {
    for (; at + 4 <= text.size(); ++at) {
      std::uint32_t four = 0;
      std::memcpy(&four, text.data() + at, sizeof four);  // little-endian: the first three bytes are the low ones
      if (gate_[hash_of(four & 0xFFFFFFU)]) return at;
    }
  }
  for (; at < text.size(); ++at) {
    const auto first = fold(static_cast<unsigned char>(text[at]));
    if (single_[first]) return at;
    if (at + 3 <= text.size() ? gate_[hash_of(three_at(text, at))] : first_[first]) return at;
  }
  return at;
}

RuleMatch SecretRules::match_at(std::string_view text, const Place& place) const {
  RuleMatch best;
  bool unsure = false;
  for (const auto index : by_first_[fold(static_cast<unsigned char>(text[place.at]))]) {
    const auto& keyword = keywords_[index];
    const auto stands = keyword.stands(text, place.at, place.is_whole);
    unsure = unsure || stands == State::unsure;
    if (stands != State::found || is_marker(text, place.at)) continue;
    for (const auto rule : keyword.rules) {
      if (best.state == State::found && best.rule <= rule) break;
      const auto match = apply(rule, text, place, place.at + keyword.text.size());
      unsure = unsure || match.state == State::unsure;
      if (match.state == State::found) best = match;
    }
  }
  if (unsure) best.state = State::unsure;
  return best;
}

RuleMatch SecretRules::apply(std::size_t index, std::string_view text, const Place& place, std::size_t behind) const {
  const auto& rule = secret_rules()[index];
  const auto& compiled = *compiled_[index];
  std::size_t begin = place.at;
  while (begin > place.free && place.at - begin < rule.before_max &&
         compiled.before[static_cast<unsigned char>(text[begin - 1])])
    --begin;
  if (!rule.any_left && begin != place.free && !is_free(text, begin)) return {};
  if (rule.start == Start::assigned) {
    const auto given = assigns(text, behind);
    if (given == State::none || (given == State::unsure && place.is_whole)) return {};
    if (given == State::unsure) return {State::unsure};
  }
  const auto end = end_of_extent(rule.extent, text, behind, place.is_whole);
  if (!end) return {State::unsure};
  if (rule.start != Start::keyword) begin = behind;
  const auto window = text.substr(begin, *end - begin);
  const re2::StringPiece piece(window.data(), window.size());
  std::array<re2::StringPiece, kGroupsMax> groups;
  const auto& pattern = compiled.pattern;
  const int count = std::min(pattern.NumberOfCapturingGroups() + 1, kGroupsMax);
  if (!pattern.Match(piece, 0, piece.size(), re2::RE2::ANCHOR_START, groups.data(), count)) return {};
  const auto group = std::find_if(groups.begin() + (count > 1 ? 1 : 0), groups.begin() + count,
                                  [](const re2::StringPiece& each) { return each.data() != nullptr; });
  if (group == groups.begin() + count || group->empty()) return {};
  RuleMatch match{State::found, index, static_cast<std::size_t>(group->data() - text.data())};
  match.end = match.begin + group->size();
  if (rule.guard != nullptr) match.end = match.begin + rule.guard({group->data(), group->size()});
  if (match.end == match.begin) return {};
  match.goes_on = match.end == *end && *end - behind == limit_of(rule.extent);
  return match;
}

bool SecretRules::finds(std::string_view text) const {
  for (auto at = next_place(text, 0); at < text.size(); at = next_place(text, at + 1))
    if (match_at(text, {at, 0, true}).state == State::found) return true;
  return false;
}

bool SecretRules::may_find(std::string_view text) const {
  for (auto at = next_place(text, 0); at < text.size(); at = next_place(text, at + 1)) {
    for (const auto index : by_first_[fold(static_cast<unsigned char>(text[at]))]) {
      const auto& keyword = keywords_[index];
      if (keyword.stands(text, at, true) != State::found) continue;
      const auto& rule = secret_rules()[keyword.rules.front()];
      const auto behind = at + keyword.text.size();
      if (rule.start == Start::keyword) return true;
      // Addresses are frequent; what follows them has no escapes.
      if (rule.start == Start::behind) {
        if (apply(keyword.rules.front(), text, {at, 0, true}, behind).state == State::found) return true;
        continue;
      }
      // In JSON a backslash may stand for white space.
      if (text.substr(behind).starts_with('\\') || assigns(text, behind) == State::found) return true;
    }
  }
  return false;
}

const SecretRule* SecretRules::of_value(std::string_view name, std::string_view value) const {
  if (value.size() > kLineBytesMax) return nullptr;
  const auto end = name.find_last_not_of("0123456789_") + 1;
  for (auto at = next_place(name, 0); at < end; at = next_place(name, at + 1)) {
    for (const auto index : by_first_[fold(static_cast<unsigned char>(name[at]))]) {
      const auto& keyword = keywords_[index];
      if (at + keyword.text.size() != end || keyword.stands(name, at, true) != State::found) continue;
      for (const auto i : keyword.rules) {
        const auto& rule = secret_rules()[i];
        if (rule.start == Start::assigned && rule.any_case && !value.empty() && rule.guard(value) > 0) return &rule;
      }
    }
  }
  return nullptr;
}

std::size_t SecretRules::before(std::string_view text) const {
  std::size_t count = 0;
  while (count < before_max_ && count < text.size() &&
         before_[static_cast<unsigned char>(text[text.size() - 1 - count])])
    ++count;
  return count;
}

bool SecretRules::goes_on(Extent extent, unsigned char byte) {
  if (extent == Extent::block)
    return byte != 0 && (is_letter(static_cast<char>(byte)) || is_digit(static_cast<char>(byte)) ||
                         std::strchr("+/=\n\r \\", byte) != nullptr);
  return !ends_token(byte);
}

RuleChoice rule_choice(const std::vector<std::string>& environment) {
  RuleChoice choice;
  each_choice(environment, [&](std::string_view variable, std::string_view name) {
    if (is_rule(name)) (variable == kRedactOff ? choice.off : choice.on).emplace_back(name);
  });
  return choice;
}

Result<void> check_rule_choice(const std::vector<std::string>& environment) {
  std::string unknown;
  std::string_view where;
  each_choice(environment, [&](std::string_view variable, std::string_view name) {
    if (!unknown.empty() || is_rule(name)) return;
    unknown = name;
    where = variable;
  });
  if (unknown.empty()) return {};
  if (unknown == "known_secret")
    return Error{Errc::usage, "Secrets that the process holds are always masked.", std::string(where), {}};
  std::string names;
  for (const auto& rule : secret_rules()) {
    if (names.find(rule.name) != std::string::npos) continue;
    names.append(names.empty() ? "" : ", ").append(rule.name);
  }
  return Error{Errc::usage, "There is no rule '" + unknown + "'.", std::string(where), "Rules: " + names + "."};
}

}  // namespace hillstar::policy
