// SPDX-License-Identifier: Apache-2.0
// discover, presets, project-init, json-view: about a project's files, not about runs. execute-node: a node alone.
#pragma once

#include <string>
#include <vector>

#include "apps/cli/commands.hpp"

namespace hillstar::cli {

struct FolderArgs {
  std::string folder = ".";
};
/// Ends with 1 if there is no workflow.
Result<Exit> discover_workflows(Context& context, const FolderArgs& args);
Result<Exit> list_presets(Context& context);
/// Makes what is missing, and changes nothing else. Errors: not_found, io, permission_denied.
Result<Exit> init_project(Context& context, const FolderArgs& args);

struct JsonViewArgs {
  std::string file;
  std::string key;
  bool lines = false;
  bool summary = false;
  bool raw = false;
  bool validate = false;
  bool markdown = false;
  std::string markdown_file;  ///< Empty: `outputs.md` beside the file.
};
/// Ends with 1 if the file is no JSON object.
Result<Exit> view_json(Context& context, const JsonViewArgs& args);

struct ExecuteNodeArgs {
  std::string file;
  std::string node;
  std::vector<std::string> parameters;  ///< `name=value`.
  std::string params_file;
  std::vector<std::string> edits;  ///< `node.path=value`.
  std::string from_run;
  std::vector<std::string> allow_paths;
  std::string env_file;
  bool strict = false;
};
/// A run of one node; nodes before it are taken over. Errors: inputs_invalid if a result that it needs is not given.
Result<Exit> execute_node(Context& context, const ExecuteNodeArgs& args);

}  // namespace hillstar::cli
