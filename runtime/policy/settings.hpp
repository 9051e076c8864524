// SPDX-License-Identifier: Apache-2.0
// The settings that there are: one table, from which reading, checking, showing, completing and the page about them
// follow. Pure; files and variables are read by whoever asks.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"

namespace hillstar::policy {

/// flag: true or false. priority: low, normal, high, or 1 to 100. rules: names of masking rules, separated by commas.
enum class SettingType { choice, count, flag, path, priority, rules, url };

/// What the file of a project, which may come from a stranger, may say about a setting.
enum class ProjectMay {
  set,     ///< Any value.
  inside,  ///< A path beneath the project's folder.
  never,   ///< The operator alone: it decides where keys and texts go, or what is trusted.
};

struct Setting {
  std::string_view name;
  SettingType type = SettingType::choice;
  std::string_view choices;   ///< Of a choice, with blanks between.
  std::string_view options;   ///< Of the command line, by their long names, with blanks between; empty: none.
  std::string_view variable;  ///< Of the environment; empty: none.
  std::string_view standard;  ///< What holds if nobody says anything; empty: nothing is set.
  ProjectMay project = ProjectMay::set;
  std::string_view meaning;
};

/// All settings, in the order in which they are shown.
const std::vector<Setting>& settings();
/// nullptr: there is none.
const Setting* find_setting(std::string_view name);
/// not_found, with the nearest name.
Error unknown_setting(std::string_view name);

/// `low, normal, high, or 1 to 100`.
std::string expected_of(const Setting& setting);
/// What a person typed or exported, checked, in the one form that a value has as text: `yes` is `true`.
/// Errors: usage, without a place.
Result<std::string> checked_setting(const Setting& setting, std::string_view typed);
/// The same for a value of a file. Errors: json_type, without a place.
Result<std::string> setting_of_json(const Setting& setting, const boost::json::value& value);
/// A checked text as it stands in a file.
boost::json::value setting_to_json(const Setting& setting, const std::string& checked);
/// The text without the password of an address.
std::string shown_setting(const Setting& setting, const std::string& checked);

/// Highest `max_concurrency`.
inline constexpr std::uint32_t kConcurrencyMax = 1'000'000;

}  // namespace hillstar::policy
