// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/completion.hpp"

#include <fmt/format.h>

namespace hillstar::cli {
namespace {

std::string joined(const CommandWords& command) {
  std::string words;
  for (const auto& option : command.options) words += (words.empty() ? "" : " ") + option.name;
  for (const auto& choice : command.choices) words += (words.empty() ? "" : " ") + choice;
  return words;
}

/// Text inside single quotes of a shell.
std::string quoted(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return "'" + out + "'";
}

std::string names_of(const std::vector<CommandWords>& commands) {
  std::string names;
  for (const auto& command : commands) names += (names.empty() ? "" : " ") + command.name;
  return names;
}

std::string bash(const std::vector<CommandWords>& commands) {
  std::string out =
      "# bash completion of hillstar-actors\n"
      "_hillstar_actors() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} command= i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case ${COMP_WORDS[i]} in -o|--output|--store) ((i++));; -*) ;; *) command=${COMP_WORDS[i]}; break;; esac\n"
      "  done\n"
      "  case $command in\n";
  for (const auto& command : commands) {
    out += fmt::format("    {}) COMPREPLY=($(compgen -W {} -- \"$word\"))", command.name, quoted(joined(command)));
    if (command.takes_file) out += "; [[ $word == -* ]] || COMPREPLY+=($(compgen -f -- \"$word\"))";
    out += " ;;\n";
  }
  out += fmt::format("    *) COMPREPLY=($(compgen -W {} -- \"$word\")) ;;\n", quoted(names_of(commands)));
  return out +
         "  esac\n"
         "}\n"
         "complete -o filenames -F _hillstar_actors hillstar-actors\n";
}

std::string zsh(const std::vector<CommandWords>& commands) {
  std::string out =
      "#compdef hillstar-actors\n"
      "_hillstar_actors() {\n"
      "  local -a commands words_of\n"
      "  commands=(\n";
  for (const auto& command : commands) out += "    " + quoted(command.name + ":" + command.about) + "\n";
  out +=
      "  )\n"
      "  if (( CURRENT == 2 )); then _describe command commands; return; fi\n"
      "  case $words[2] in\n";
  for (const auto& command : commands) {
    out += fmt::format("    {}) words_of=({})", command.name, joined(command));
    if (command.takes_file) out += "; _files";
    out += " ;;\n";
  }
  return out +
         "  esac\n"
         "  compadd -a words_of\n"
         "}\n"
         "_hillstar_actors \"$@\"\n";
}

std::string fish(const std::vector<CommandWords>& commands) {
  std::string out = "# fish completion of hillstar-actors\ncomplete -c hillstar-actors -f\n";
  for (const auto& command : commands) {
    out += fmt::format("complete -c hillstar-actors -n __fish_use_subcommand -a {} -d {}\n", command.name,
                       quoted(command.about));
    const std::string when = fmt::format("-n '__fish_seen_subcommand_from {}'", command.name);
    for (const auto& option : command.options) {
      const std::string flag =
          option.name.substr(0, 2) == "--" ? "-l " + option.name.substr(2) : "-s " + option.name.substr(1);
      out += fmt::format("complete -c hillstar-actors {} {} -d {}{}\n", when, flag, quoted(option.about),
                         option.takes_value ? " -r" : "");
    }
    for (const auto& choice : command.choices)
      out += fmt::format("complete -c hillstar-actors {} -a {}\n", when, choice);
    if (command.takes_file) out += fmt::format("complete -c hillstar-actors {} -F\n", when);
  }
  return out;
}

}  // namespace

std::string completion_script(const std::string& shell, const std::vector<CommandWords>& commands) {
  if (shell == "bash") return bash(commands);
  if (shell == "zsh") return zsh(commands);
  if (shell == "fish") return fish(commands);
  return {};
}

}  // namespace hillstar::cli
