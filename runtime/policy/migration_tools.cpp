// SPDX-License-Identifier: Apache-2.0
// Rules of migration about fields that had no effect, permissions, files and git_commit.
#include <algorithm>
#include <array>
#include <cmath>

#include "runtime/policy/migration_notes.hpp"

namespace hillstar::policy::migration {
namespace {

namespace bj = boost::json;
using enum MigrationLevel;

constexpr std::array<std::string_view, 12> kNewNodeFields{"when",      "for_each", "parallel",  "min_success",
                                                          "retry",     "on_error", "effect",    "data",
                                                          "clearance", "release",  "approvals", "sandbox"};

/// `path` from `folder` on, without `.`, `..` and doubled slashes; links are not looked at.
std::string whole_path(const std::string& folder, std::string_view path) {
  std::vector<std::string_view> steps;
  for (const std::string_view part : {path.starts_with('/') ? std::string_view() : std::string_view(folder), path}) {
    for (std::size_t at = 0; at < part.size();) {
      const auto end = std::min(part.find('/', at), part.size());
      const auto step = part.substr(at, end - at);
      at = end + 1;
      if (step == ".." && !steps.empty()) steps.pop_back();
      if (!step.empty() && step != "." && step != "..") steps.push_back(step);
    }
  }
  std::string out;
  for (const auto step : steps) out += "/" + std::string(step);
  return out.empty() ? "/" : out;
}

bool is_inside(const std::string& path, const std::string& folder) {
  return path == folder || folder == "/" || path.starts_with(folder + "/");
}

std::vector<std::string> open_folders(const OldWorkflow& old, const MigrationWorld& world) {
  std::vector<std::string> folders{whole_path("/", world.workspace)};
  const auto* access = json::member(*old.root, "file_access");
  if (access == nullptr || !access->is_array()) return folders;
  for (const auto& folder : access->get_array())
    if (folder.is_string()) folders.push_back(whole_path(folders.front(), std::string(folder.get_string())));
  return folders;
}

/// The folder of a path, as far as it is known before anything ran; empty if the path surely stays inside.
std::string leads_out(const std::string& path, const std::vector<std::string>& folders) {
  const auto known = path.substr(0, path.find("{{"));
  if (known.empty() || (known.front() != '/' && known.find("..") == std::string::npos)) return {};
  const auto whole = whole_path(folders.front(), known);
  for (const auto& folder : folders)
    if (is_inside(whole, folder)) return {};
  return whole.substr(0, std::max<std::size_t>(1, whole.rfind('/')));
}

void check_path(const std::string& path, const std::string& pointer, const std::vector<std::string>& folders,
                Notes& notes) {
  const auto out = leads_out(path, folders);
  if (out.empty()) return;
  notes.add(change, "path-outside", pointer,
            {"refused: file tools keep to the folder where the run is started", "any path would do",
             "add \"file_access\": [\"" + out + "\"] at the top of the file, or run with --allow-path " + out});
}

void check_files(const OldNode& node, const std::vector<std::string>& folders, Notes& notes) {
  const auto* input = node.find("input");
  const bool by_input = input != nullptr && input->is_string() && !input->get_string().empty();
  if (node.tool == "file_read" && by_input) check_path(node.text("input"), node.pointer + "/input", folders, notes);
  const auto path = node.parameter_text("path");
  if (node.tool == "file_write" || (node.tool == "file_read" && !by_input))
    check_path(path, node.pointer + "/parameters/path", folders, notes);
  if (node.tool == "file_write" && !path.empty() && path.find('/') == std::string::npos)
    notes.add(differs, "bare-file-name", node.pointer + "/parameters/path",
              {"it is written, beside the run", "failed: a path without a folder could not be written", ""});
  const auto* outputs = node.tool == "model_call" ? node.find("outputs") : nullptr;
  if (outputs == nullptr || !outputs->is_object()) return;
  for (const auto& [key, value] : outputs->get_object())
    if (value.is_string())
      check_path(std::string(value.get_string()), node.pointer + "/outputs/" + json::pointer_token(key), folders,
                 notes);
}

/// What Python's str() and JSON write differently.
void check_rendering(const OldNode& node, Notes& notes) {
  const auto* input = node.find("input");
  if (input == nullptr || node.tool == "checkpoint" || node.tool == "git_commit") return;
  const auto pointer = node.pointer + "/input";
  if (node.tool == "model_call" && json::member(*input, "messages") != nullptr &&
      json::member(*input, "messages")->is_array())
    return notes.add(differs, "conversation", pointer,
                     {"an object with a list of `messages` is a conversation: each is sent as a turn",
                      "sent all of it as one text, as Python prints it", ""});
  const bool is_empty =
      (input->is_object() && input->get_object().empty()) || (input->is_array() && input->get_array().empty());
  if (input->is_structured() && !is_empty)
    notes.add(differs, "structure-as-json", pointer,
              {R"(it is handed on as JSON: {"a":1})", "handed it on as Python prints it: {'a': 1}",
               node.tool == "script_run" ? "a program that reads it uses json.loads instead of ast.literal_eval" : ""});
  const bool is_whole = input->is_double() && input->get_double() == std::floor(input->get_double());
  if (is_whole || (input->is_bool() && input->get_bool()))
    notes.add(differs, "structure-as-json", pointer,
              {input->is_bool() ? "the text is `true`" : "the text is the number without `.0`",
               input->is_bool() ? "the text was `True`" : "the text ended in `.0`", ""});
}

void check_git(const OldNode& node, Notes& notes) {
  if (node.tool != "git_commit") return;
  const auto* no_verify = node.parameter("no_verify");
  const bool skips_hooks = no_verify != nullptr && no_verify->is_bool() && no_verify->get_bool();
  const bool may_be_empty = node.parameter_text("if_nothing") == "ok";
  std::string here = "files that look like keys are refused, and the message gets the run as trailers";
  std::string mend;
  if (!may_be_empty) {
    here = "nothing to commit is a failure, " + here;
    mend = "\"if_nothing\": \"ok\"";
  }
  if (!skips_hooks) {
    here = "the repository's hooks run, " + here;
    mend += std::string(mend.empty() ? "" : ", ") + "\"no_verify\": true";
  }
  notes.add(differs, "git-commit", node.pointer,
            {here, "skipped hooks, staged everything, and took an empty commit for success",
             mend.empty() ? "" : "for what it did: " + mend + " in `parameters`; better name `paths`"});
}

void check_new_fields(const OldNode& node, Notes& notes) {
  std::vector<std::string> fields;
  for (const auto field : kNewNodeFields)
    if (node.find(field) != nullptr) fields.emplace_back(field);
  if (node.find("timeout") != nullptr && node.tool != "script_run") fields.emplace_back("timeout");
  if (!fields.empty())
    notes.add(differs, "field-counts", node.pointer + "/" + fields.front(),
              {named(fields) + (fields.size() == 1 ? " has" : " have") + " a meaning here", "ignored it",
               "compare with docs/reference/workflow.md, or rename it to x-" + fields.front()});
}

}  // namespace

void check_fields(const OldWorkflow& old, Notes& notes) {
  for (const char* field : {"inputs", "file_access", "files", "max_concurrency"})
    if (json::member(*old.root, field) != nullptr)
      notes.add(differs, "field-counts", "/" + std::string(field), {"it has a meaning here", "ignored it", ""});
  for (const auto& node : old.nodes) check_new_fields(node, notes);
  const auto* permissions = json::member(*old.root, "permissions");
  if (permissions == nullptr || !permissions->is_object()) return;
  for (const auto& [id, word] : permissions->get_object()) {
    if (!old.is_node(id) || !word.is_string()) continue;
    if (word.get_string() == "ask")
      notes.add(differs, "permission-ask", "/permissions/" + json::pointer_token(id),
                {"the run waits for a person before '" + std::string(id) +
                     "': at the terminal, or `approve RUN NODE`; without one it ends with exit code 8",
                 "asked nobody, and ran it", "write \"always\" for what Hillstar did"});
    if (word.get_string() == "never") notes.keep("'" + std::string(id) + "' never runs; the command ends with code 6.");
  }
}

void check_tools(const OldWorkflow& old, const MigrationWorld& world, Notes& notes) {
  const auto folders = open_folders(old, world);
  for (const auto& node : old.nodes) {
    check_files(node, folders, notes);
    check_rendering(node, notes);
    check_git(node, notes);
    if (node.tool == "checkpoint")
      notes.add(differs, "checkpoint-tool", node.pointer + "/tool",
                {"it is a named point; with `parameters.prompt` it asks a person",
                 "failed when the node was reached: Unknown tool: checkpoint", ""});
  }
}

}  // namespace hillstar::policy::migration
