// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/given_settings.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <sstream>

namespace hillstar::cli {
namespace {

/// `name` as it was declared: a positional in capitals, or a long name.
CLI::Option* find_option(CLI::App& app, const std::string& name) {
  const bool positional = name[0] >= 'A' && name[0] <= 'Z';
  const auto declared = positional ? name : "--" + name;
  for (auto* command : app.get_subcommands())
    if (auto* option = command->get_option_no_throw(declared)) return option;
  return app.get_option_no_throw(declared);
}

/// What an option of that kind takes for the setting's value; empty: the option is left alone.
std::string typed_for(const SettingValue& value) {
  const bool switches = value.setting->type == policy::SettingType::flag || value.setting->name == "color";
  if (!switches) return value.text;
  return value.text == "true" || value.text == "never" ? "true" : "";
}

std::string told_by(const SettingValue& value, const CLI::Option& option) {
  if (value.setting->name == "color") return "never";
  return value.setting->type == policy::SettingType::flag ? "true" : option.results().back();
}

}  // namespace

void hand_to_options(CLI::App& app, Configuration& configuration) {
  for (auto& value : configuration.values) {
    std::istringstream names{std::string(value.setting->options)};
    for (std::string name; names >> name;) {
      auto* option = find_option(app, name);
      if (option == nullptr) continue;
      if (option->count() > 0) {
        value = {value.setting, told_by(value, *option), Origin::option, option->get_name()};
        continue;
      }
      const auto text = typed_for(value);
      if (value.origin == Origin::standard || text.empty()) continue;
      option->add_result(text);
      option->run_callback();
    }
  }
}

}  // namespace hillstar::cli
