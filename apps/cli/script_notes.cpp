// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/script_notes.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/policy/script_variables.hpp"

namespace hillstar::cli {
namespace {

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string words_for(const workflow::Sandbox& sandbox) {
  std::vector<std::string> words;
  if (sandbox.profile != workflow::SandboxProfile::standard)
    words.push_back(std::string("sandbox ") + boost::describe::enum_to_string(sandbox.profile, "?"));
  if (sandbox.network) words.emplace_back(*sandbox.network ? "network" : "no network");
  if (!sandbox.env.empty()) words.push_back("sees " + listed(sandbox.env));
  if (!sandbox.read.empty()) words.push_back("reads " + listed(sandbox.read));
  if (!sandbox.write.empty()) words.push_back("writes " + listed(sandbox.write));
  return listed(words);
}

}  // namespace

ScriptNotes script_notes(const workflow::Plan& plan, const std::vector<std::string>& environment) {
  ScriptNotes notes;
  bool any = false;
  for (const auto& node : plan.nodes) {
    if (node.tool != "script_run") continue;
    any = true;
    if (!node.sandbox || (node.loop && node.loop->attempt > 1)) continue;  // every attempt of a loop has the same
    if (auto words = words_for(*node.sandbox); !words.empty()) notes.nodes.push_back(node.id.str() + ": " + words);
  }
  if (!any) return notes;
  notes.withheld = policy::script_variables(environment, {}, policy::Redactor()).withheld;
  std::sort(notes.withheld.begin(), notes.withheld.end());
  return notes;
}

std::vector<std::string> lines_of(const ScriptNotes& notes) {
  std::vector<std::string> lines;
  if (!notes.withheld.empty())
    lines.push_back(fmt::format("  Scripts do not see {}; \"sandbox\": {{\"env\": [...]}} names what one may see",
                                listed(notes.withheld)));
  for (const auto& line : notes.nodes) lines.push_back("  " + line);
  return lines;
}

}  // namespace hillstar::cli
