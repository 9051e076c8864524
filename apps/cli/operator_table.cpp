// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/operator_table.hpp"

#include "apps/cli/ca_commands.hpp"
#include "apps/cli/command_table.hpp"
#include "apps/cli/config_command.hpp"
#include "apps/cli/doctor.hpp"
#include "apps/cli/secrets_command.hpp"
#include "apps/cli/wizard.hpp"
#include "runtime/policy/registry.hpp"

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

void add_secrets(Commands& commands) {
  auto [secrets, args] =
      commands.add<SecretsArgs>("secrets", "Keep keys of providers: in the keyring, or in a file", manage_secrets);
  secrets->add_option("WHAT", args->what, "ls, set, rm, or move (out of registry files)")
      ->check(CLI::IsMember({"ls", "set", "rm", "move"}))
      ->capture_default_str();
  secrets->add_option("NAME", args->name, "a provider, or the variable that holds its key");
  secrets->add_option("--in", args->place, "where to keep or remove it; auto: the keyring if there is one")
      ->check(CLI::IsMember({"auto", "keyring", "file"}))
      ->capture_default_str()
      ->type_name("PLACE");
}

void add_doctor(Commands& commands, const Configuration& configuration) {
  auto [doctor, args] = commands.add<DoctorArgs>(
      "doctor", "Look whether this machine, the settings, the keys and the store are fit",
      [&configuration](Context& context, const DoctorArgs& given) { return examine(context, given, configuration); });
  doctor->add_flag("--online", args->online, "ask the providers, too: for their lists of models, which is free");
}

}  // namespace

void add_operator_commands(Commands& commands, const Configuration& configuration) {
  add_config(commands, configuration);
  add_secrets(commands);
  add_doctor(commands, configuration);
  add_ca_commands(commands);
  commands.add<WizardArgs>("wizard", "Set up keys and local model servers, step by step", set_up);
}

std::vector<std::string> operator_choices(const std::string& command) {
  std::vector<std::string> words;
  if (command == "config") {
    words = {"view", "set", "unset"};
    for (const auto& setting : policy::settings()) words.emplace_back(setting.name);
  }
  if (command == "secrets") {
    words = {"ls", "set", "rm", "move"};
    for (const auto& entry : policy::shipped_registry().providers)
      if (!entry.key_variables.empty()) words.push_back(entry.name);
  }
  return words;
}

}  // namespace hillstar::cli
