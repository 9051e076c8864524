// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/settings.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <optional>

#include "runtime/policy/secret_rules.hpp"
#include "runtime/workflow/did_you_mean.hpp"

namespace hillstar::policy {
namespace {

namespace bj = boost::json;
using Type = SettingType;

constexpr std::size_t kTextBytesMax = 4'096;
constexpr std::uint32_t kPriorityMost = 100;

std::vector<std::string_view> words_in(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const auto blank = std::min(text.find(' '), text.size());
    if (blank > 0) words.push_back(text.substr(0, blank));
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  return words;
}

bool is_one_of(std::string_view text, std::string_view choices) {
  const auto words = words_in(choices);
  return std::find(words.begin(), words.end(), text) != words.end();
}

/// A whole number without sign and leading zeros, from 1 to `most`.
bool is_count(std::string_view text, std::uint32_t most) {
  std::uint32_t number = 0;
  const auto [rest, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  return code == std::errc() && rest == text.data() + text.size() && number >= 1 && number <= most && text[0] != '0';
}

bool is_plain(std::string_view text) {
  return !text.empty() && text.size() <= kTextBytesMax &&
         std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

std::optional<std::string> flag_of(std::string_view typed) {
  if (is_one_of(typed, "true yes on 1")) return "true";
  if (is_one_of(typed, "false no off 0")) return "false";
  return std::nullopt;
}

bool fits(const Setting& setting, std::string_view text) {
  switch (setting.type) {
    case Type::choice:
      return is_one_of(text, setting.choices);
    case Type::count:
      return is_count(text, kConcurrencyMax);
    case Type::flag:
      return text == "true" || text == "false";
    case Type::path:
      return is_plain(text);
    case Type::priority:
      return is_one_of(text, "low normal high") || is_count(text, kPriorityMost);
    case Type::rules:
      return is_plain(text) && check_rule_choice({std::string(setting.variable) + "=" + std::string(text)}).has_value();
    case Type::url:
      return is_plain(text) && text.find(' ') == std::string_view::npos &&
             (text.starts_with("http://") || text.starts_with("https://")) && !text.ends_with("://");
  }
  return false;
}

}  // namespace

const std::vector<Setting>& settings() {
  static const std::vector<Setting> all{
      {"store", Type::path, "", "store", "HILLSTAR_STORE", ".hillstar/store", ProjectMay::inside,
       "folder of the store"},
      {"output_dir", Type::path, "", "OUTPUT_DIR dir", "", ".hillstar", ProjectMay::inside,
       "folder of traces, logs and checkpoints"},
      {"output", Type::choice, "text json jsonl", "output", "HILLSTAR_OUTPUT", "text", ProjectMay::set,
       "how data is printed"},
      {"color", Type::choice, "auto never", "no-color", "NO_COLOR", "auto", ProjectMay::set,
       "colours on terminals; `NO_COLOR` set to anything is `never`"},
      {"quiet", Type::flag, "", "quiet", "HILLSTAR_QUIET", "false", ProjectMay::set,
       "say only what a person must know"},
      {"verbose", Type::flag, "", "verbose", "HILLSTAR_VERBOSE", "false", ProjectMay::set,
       "show the nodes' output as it comes"},
      {"strict", Type::flag, "", "strict", "HILLSTAR_STRICT", "false", ProjectMay::set,
       "unknown fields of workflows are errors"},
      {"max_concurrency", Type::count, "", "max-concurrency", "HILLSTAR_MAX_CONCURRENCY", "", ProjectMay::set,
       "attempts in flight, instead of the workflow's"},
      {"priority", Type::priority, "", "priority", "HILLSTAR_PRIORITY", "normal", ProjectMay::set,
       "turns of a run's model calls, against other runs"},
      {"env_file", Type::path, "", "env-file", "HILLSTAR_ENV_FILE", "", ProjectMay::never,
       "file of variables, instead of the nearest `.env`"},
      {"registry", Type::path, "", "", "HILLSTAR_REGISTRY", "", ProjectMay::never,
       "provider registry that is laid over the others"},
      {"router_url", Type::url, "", "", "HILLSTAR_ROUTER_URL", "", ProjectMay::never, "address that serves seats"},
      {"anthropic_base_url", Type::url, "", "", "ANTHROPIC_BASE_URL", "", ProjectMay::never,
       "address of `anthropic_ollama`"},
      {"redact_off", Type::rules, "", "", kRedactOff, "", ProjectMay::never, "masking rules that are not used"},
      {"redact_on", Type::rules, "", "", kRedactOn, "", ProjectMay::never, "masking rules that are used besides"},
      {"air_gapped", Type::flag, "", "air-gapped", "HILLSTAR_AIR_GAPPED", "false", ProjectMay::never,
       "runs reach declared endpoints only"},
      {"keyring", Type::choice, "auto never", "", "HILLSTAR_KEYRING", "auto", ProjectMay::never,
       "whether keys may be looked for in the desktop's keyring"},
  };
  return all;
}

const Setting* find_setting(std::string_view name) {
  const auto& all = settings();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Setting& one) { return one.name == name; });
  return found == all.end() ? nullptr : &*found;
}

Error unknown_setting(std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& setting : settings()) names.push_back(setting.name);
  auto nearest = workflow::did_you_mean(name, names);
  if (!nearest.empty()) nearest[0] = 'D';
  return {Errc::not_found,
          "There is no setting '" + std::string(name) + "'.",
          {},
          nearest.empty() ? "`hillstar-actors config view` lists them." : nearest};
}

std::string expected_of(const Setting& setting) {
  switch (setting.type) {
    case Type::choice: {
      std::string text;
      const auto words = words_in(setting.choices);
      for (std::size_t i = 0; i < words.size(); ++i)
        text += (i == 0 ? "" : i + 1 < words.size() ? ", " : " or ") + std::string(words[i]);
      return text;
    }
    case Type::count:
      return "a whole number from 1 to " + std::to_string(kConcurrencyMax);
    case Type::flag:
      return "true or false";
    case Type::path:
      return "a path";
    case Type::priority:
      return "low, normal, high, or 1 to " + std::to_string(kPriorityMost);
    case Type::rules:
      return "names of masking rules, separated by commas";
    case Type::url:
      return "an address with http:// or https://";
  }
  return {};
}

Result<std::string> checked_setting(const Setting& setting, std::string_view typed) {
  std::string text(typed);
  if (setting.type == Type::flag) text = flag_of(typed).value_or("");
  if (fits(setting, text)) return text;
  return Error{Errc::usage,
               "'" + shown_setting(setting, std::string(typed.substr(0, kTextBytesMax))) +
                   "' is no value for the setting " + std::string(setting.name) + ": it is " + expected_of(setting) +
                   ".",
               {},
               {}};
}

Result<std::string> setting_of_json(const Setting& setting, const bj::value& value) {
  const bool wants_bool = setting.type == Type::flag;
  const bool takes_number = setting.type == Type::count || setting.type == Type::priority;
  std::string text;
  if (wants_bool && value.is_bool()) text = value.get_bool() ? "true" : "false";
  if (takes_number && value.is_int64()) text = std::to_string(value.get_int64());
  if (takes_number && value.is_uint64()) text = std::to_string(value.get_uint64());
  if (!wants_bool && setting.type != Type::count && value.is_string())
    text.assign(value.get_string().data(), value.get_string().size());
  if (fits(setting, text)) return text;
  std::string quoted = setting.type == Type::count || wants_bool ? "without quotes" : "in quotes";
  if (setting.type == Type::priority) quoted = "words in quotes, numbers without";
  return Error{Errc::json_type,
               "The setting " + std::string(setting.name) + " must be " + expected_of(setting) + " (" + quoted + ").",
               {},
               {}};
}

bj::value setting_to_json(const Setting& setting, const std::string& checked) {
  if (setting.type == Type::flag) return checked == "true";
  const bool digits = !checked.empty() && checked[0] >= '0' && checked[0] <= '9';
  if (digits && (setting.type == Type::count || setting.type == Type::priority)) {
    std::int64_t number = 0;
    std::from_chars(checked.data(), checked.data() + checked.size(), number);
    return number;
  }
  return bj::string(checked);
}

std::string shown_setting(const Setting& setting, const std::string& checked) {
  if (setting.type != Type::url) return checked;
  const auto scheme = checked.find("://");
  if (scheme == std::string::npos) return checked;
  const auto end = std::min(checked.find_first_of("/?#", scheme + 3), checked.size());
  const auto at = checked.rfind('@', end);
  if (at == std::string::npos || at < scheme + 3) return checked;
  return checked.substr(0, scheme + 3) + "***" + checked.substr(at);
}

}  // namespace hillstar::policy
