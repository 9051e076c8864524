// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/operator_table.hpp"

#include "apps/cli/command_table.hpp"
#include "apps/cli/config_command.hpp"

namespace hillstar::cli {
namespace {

void add_config(Commands& commands, const Configuration& configuration) {
  auto [config, args] = commands.add<ConfigArgs>(
      "config", "Show the settings and where they come from; set them",
      [&configuration](Context& context, const ConfigArgs& given) { return configure(context, given, configuration); });
  config->add_option("WHAT", args->what, "view, set or unset")
      ->check(CLI::IsMember({"view", "set", "unset"}))
      ->capture_default_str();
  config->add_option("NAME", args->name, "the setting");
  config->add_option("VALUE", args->value, "set: its value");
  auto* project = config->add_flag("--project", args->project, "in the project's file, .hillstar/config.json");
  config->add_flag("--user", args->user, "in your own, ~/.config/hillstar/config.json; the default")->excludes(project);
  config->add_flag("--origin", args->origin, "view: say where each value comes from");
}

}  // namespace

void add_operator_commands(Commands& commands, const Configuration& configuration) {
  add_config(commands, configuration);
}

std::vector<std::string> operator_choices(const std::string& command) {
  std::vector<std::string> words;
  if (command == "config") {
    words = {"view", "set", "unset"};
    for (const auto& setting : policy::settings()) words.emplace_back(setting.name);
  }
  return words;
}

}  // namespace hillstar::cli
