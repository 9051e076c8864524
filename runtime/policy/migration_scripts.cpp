// SPDX-License-Identifier: Apache-2.0
// Rules of migration about scripts, which are shut in here: the variables, folders and programs that a text names.
//
// Texts are not understood, only looked at: a finding says what the script seems to use.
#include <algorithm>
#include <array>
#include <set>

#include "runtime/policy/known_secrets.hpp"
#include "runtime/policy/migration_notes.hpp"

namespace hillstar::policy::migration {
namespace {

using enum MigrationLevel;

constexpr std::string_view kOpensShell = " |><&";
constexpr std::size_t kProgramsLookedAt = 8;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name(char c) { return is_letter(c) || (c >= '0' && c <= '9'); }

/// Pieces between white space, quotes and what the shell cuts at.
std::vector<std::string> words_of(std::string_view text) {
  constexpr std::string_view kCuts = " \t\r\n'\"`;|&<>(){}[],=";
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find_first_of(kCuts, at), text.size());
    if (end > at) words.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

/// NAMES in capitals that sound like keys, and are read rather than set.
std::set<std::string> keys_in(std::string_view text) {
  std::set<std::string> keys;
  for (std::size_t at = 0; at < text.size();) {
    if (!is_letter(text[at])) {
      ++at;
      continue;
    }
    auto end = at;
    while (end < text.size() && is_name(text[end])) ++end;
    const auto name = text.substr(at, end - at);
    at = end;
    const bool is_capital = std::none_of(name.begin(), name.end(), [](char c) { return c >= 'a' && c <= 'z'; });
    const bool is_set = end < text.size() && text[end] == '=' && text.substr(end, 2) != "==";
    if (!is_capital || is_set || name.find('_') == std::string_view::npos || name.starts_with("HILLSTAR_")) continue;
    if (sounds_secret(name)) keys.emplace(name);
  }
  return keys;
}

bool mentions(const std::vector<std::string>& words, std::initializer_list<std::string_view> programs,
              std::string& found) {
  for (const auto& word : words) {
    const auto name = std::string_view(word).substr(word.rfind('/') + 1);
    if (std::find(programs.begin(), programs.end(), name) == programs.end()) continue;
    found = name;
    return true;
  }
  return false;
}

/// The first file outside of the workspace that output is redirected to.
std::string redirected_to(std::string_view text, const std::string& workspace) {
  for (auto at = text.find('>'); at != std::string_view::npos; at = text.find('>', at + 1)) {
    const auto begin = text.find_first_not_of("> \t\"'", at);
    if (begin == std::string_view::npos || text[begin] != '/') continue;
    const auto path = text.substr(begin, text.find_first_of(" \t\r\n;|&<>)\"'", begin) - begin);
    const auto is_below = [&](std::string_view folder) { return path.starts_with(std::string(folder) + "/"); };
    if (is_below("/dev") || is_below("/tmp") || is_below("/var/tmp") || is_below(workspace)) continue;
    return std::string(path);
  }
  return {};
}

/// A single `&` that sends a command into the background.
bool has_background(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '&') continue;
    const char before = at == 0 ? ' ' : text[at - 1];
    const char after = at + 1 == text.size() ? ' ' : text[at + 1];
    if (before != '&' && before != '>' && before != '<' && before != '|' && after != '&' && after != '>') return true;
  }
  return false;
}

/// A home's folder that is closed; empty if the text names none.
std::string home_in(const std::vector<std::string>& words) {
  constexpr std::array<std::string_view, 9> kSoftware{".local", "miniconda", "anaconda", ".pyenv",    ".cargo",
                                                      ".julia", "R/",        "bin/",     "mambaforge"};
  for (const auto& word : words) {
    std::string_view rest;
    for (const std::string_view home : {"~/", "$HOME/", "HOME}/"})
      if (const auto at = word.find(home); at != std::string::npos)
        rest = std::string_view(word).substr(at + home.size());
    if (rest.empty()) continue;
    if (std::none_of(kSoftware.begin(), kSoftware.end(), [&](auto known) { return rest.starts_with(known); }))
      return "~/" + std::string(rest);
  }
  return {};
}

bool is_named(const OldNode& node, std::string_view list, const std::string& name) {
  const auto* sandbox = node.find("sandbox");
  const auto* names = sandbox == nullptr ? nullptr : json::member(*sandbox, list);
  if (names == nullptr || !names->is_array()) return false;
  const auto& array = names->get_array();
  return std::any_of(array.begin(), array.end(),
                     [&](const auto& n) { return n.is_string() && n.get_string() == name; });
}

bool has_no_sandbox(const OldNode& node) {
  const auto* sandbox = node.find("sandbox");
  const auto* profile = sandbox == nullptr ? nullptr : json::member(*sandbox, "profile");
  return (sandbox != nullptr && sandbox->is_string() && sandbox->get_string() == "none") ||
         (profile != nullptr && profile->is_string() && profile->get_string() == "none");
}

/// One text of a script: the line itself, or a program that it names.
struct ScriptText {
  const OldNode& node;
  std::string pointer;
  std::string text;
  std::string program;  ///< Empty: the line itself.
};

std::string in_program(const ScriptText& script) {
  return script.program.empty() ? std::string() : " (in " + script.program + ")";
}

void check_variables(const ScriptText& script, Notes& notes) {
  for (const auto& key : keys_in(script.text)) {
    if (is_named(script.node, "env", key)) continue;
    notes.add(
        change, "script-key", script.pointer,
        {"the script does not see " + key + in_program(script) + ": it looks like a key", "gave scripts every variable",
         "\"sandbox\": {\"env\": [\"" + key + "\"]} at '" + script.node.id + "', if it shall see it"});
  }
}

void check_folders(const ScriptText& script, const std::vector<std::string>& words, const std::string& workspace,
                   Notes& notes) {
  if (const auto file = redirected_to(script.text, workspace); !file.empty() && !is_named(script.node, "write", file)) {
    const auto folder = file.substr(0, std::max<std::size_t>(1, file.rfind('/')));
    if (!is_named(script.node, "write", folder))
      notes.add(change, "script-writes", script.pointer,
                {"the script may not write " + file + in_program(script) + ", outside of the workspace",
                 "shut nothing in", "\"sandbox\": {\"write\": [\"" + folder + "\"]} at '" + script.node.id + "'"});
  }
  if (const auto home = home_in(words);
      !home.empty() && !is_named(script.node, "read", home) && !is_named(script.node, "write", home))
    notes.add(
        change, "script-home", script.pointer,
        {"the script may neither read nor write " + home + in_program(script) +
             ": homes are closed, beyond software in them",
         "shut nothing in", "\"sandbox\": {\"read\": [\"" + home + "\"]}, or \"write\", at '" + script.node.id + "'"});
}

void check_programs(const ScriptText& script, const std::vector<std::string>& words, bool no_network, Notes& notes) {
  std::string found;
  if (mentions(words, {"sudo", "doas", "apptainer", "singularity", "podman", "bwrap", "strace", "gdb"}, found))
    notes.add(change, "script-rights", script.pointer,
              {"`" + found + "` does not work in the sandbox" + in_program(script), "shut nothing in",
               "\"sandbox\": \"none\" at '" + script.node.id +
                   "', which the rule sandbox.allow_none of governance_policy.json must allow"});
  if (no_network && mentions(words, {"curl", "wget", "ssh", "scp", "rsync", "pip", "pip3", "conda", "npm"}, found))
    notes.add(
        change, "script-network", script.pointer,
        {"`" + found + "` reaches nobody" + in_program(script) + ": preset local_only is an air gap, also for scripts",
         "ignored the preset", "take the download out of the workflow, or the preset"});
  if (script.program.empty() && has_background(script.text))
    notes.add(change, "script-background", script.pointer,
              {"what it starts in the background ends with the node", "left it running",
               "start services outside of the workflow, or use them within one node"});
}

void check_script(const ScriptText& script, const MigrationWorld& world, bool no_network, Notes& notes) {
  const auto words = words_of(script.text);
  check_variables(script, notes);
  // Programs in other languages say such words in comments and for other purposes.
  const bool is_shell = script.program.empty() || script.program.ends_with(".sh") ||
                        script.text.starts_with("#!/bin/sh") || script.text.starts_with("#!/bin/bash") ||
                        script.text.starts_with("#!/usr/bin/env bash");
  const bool is_direct = script.program.empty() && script.text.find_first_of(kOpensShell) == std::string::npos;
  if (!is_shell || is_direct) return;
  check_folders(script, words, world.workspace, notes);
  check_programs(script, words, no_network, notes);
}

void check_shell(const OldNode& node, const std::string& script, const std::string& pointer, Notes& notes) {
  if (script.find_first_of(kOpensShell) != std::string::npos) return;
  if (script.find_first_of(";$*?`'\"~\n") == std::string::npos) return;
  notes.add(advice, "script-no-shell", pointer,
            {"it is taken for the path of a program: without a space or one of | > < & there is no shell",
             "did the same; '" + node.id + "' failed there", "put a space into it, such as behind the `;`"});
}

}  // namespace

void check_scripts(const OldWorkflow& old, const MigrationWorld& world, Notes& notes) {
  const auto* preset = old.models == nullptr ? nullptr : old.models->if_contains("preset");
  const bool no_network = preset != nullptr && preset->is_string() && preset->get_string() == "local_only";
  std::size_t by_shell = 0;
  std::size_t direct = 0;
  for (const auto& node : old.nodes) {
    const auto script = node.parameter_text("script");
    if (node.tool != "script_run" || script.empty()) continue;
    const bool is_line = script.find_first_of(kOpensShell) != std::string::npos;
    ++(is_line ? by_shell : direct);
    const auto pointer = node.pointer + "/parameters/script";
    check_shell(node, script, pointer, notes);
    if (has_no_sandbox(node)) continue;
    check_script({node, pointer, script, {}}, world, no_network, notes);
    if (!world.program) continue;
    std::size_t looked = 0;
    for (const auto& word : is_line ? words_of(script) : std::vector<std::string>{script}) {
      if (word.find_first_of("./") == std::string::npos || ++looked > kProgramsLookedAt) continue;
      if (auto text = world.program(node.text("cwd"), word))
        check_script({node, pointer, *std::move(text), word}, world, no_network, notes);
    }
  }
  if (by_shell + direct > 0)
    notes.keep("Scripts: " + std::to_string(by_shell) + " through /bin/sh, " + std::to_string(direct) +
               " started directly, by the same rule; input on stdin; `output`, `error`, `return_code`.");
}

}  // namespace hillstar::policy::migration
