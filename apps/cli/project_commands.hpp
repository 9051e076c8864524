// SPDX-License-Identifier: Apache-2.0
// discover, presets, project-init, json-view: about a project's files, not about runs.
#pragma once

#include <string>

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

}  // namespace hillstar::cli
