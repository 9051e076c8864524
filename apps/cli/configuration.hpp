// SPDX-License-Identifier: Apache-2.0
// The settings as this person has them here: by variable, by the project's file, by their own file.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"
#include "runtime/policy/settings.hpp"

namespace hillstar::cli {

/// Strongest last.
enum class Origin { standard, user, project, environment, option };
std::string_view origin_name(Origin origin);

struct SettingValue {
  const policy::Setting* setting = nullptr;
  std::string text;  ///< As checked_setting gives it; empty: nothing is set. Paths of files are absolute.
  Origin origin = Origin::standard;
  std::string where;  ///< `FILE:LINE`, the variable, the option; empty for the standard.
};

struct ConfigFile {
  std::string path;  ///< Where it is, or would be; empty: there is no place for it.
  bool is_there = false;
  std::string project;  ///< Folder of the project; empty for the person's own file.
};

struct Configuration {
  ConfigFile user;
  ConfigFile project;
  std::vector<SettingValue> values;  ///< One for each of policy::settings(), in that order.
  std::vector<Error> errors;         ///< What must be mended before anything runs.
  std::vector<std::string> warnings;

  [[nodiscard]] SettingValue& of(std::string_view name);
};

/// ~/.config/hillstar, or $XDG_CONFIG_HOME/hillstar; empty if neither is known.
std::string config_folder(const std::vector<std::string>& environment);

/// Looks for the project's file from `folder` upwards (empty: nowhere). Everything that is wrong is in the result.
Configuration read_configuration(const std::vector<std::string>& environment, const std::string& folder);

/// Exports what settings say to parts that read variables, unless the variable is set. Once, before threads start.
void export_settings(const Configuration& configuration);

}  // namespace hillstar::cli
