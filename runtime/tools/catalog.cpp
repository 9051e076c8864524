// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/process_guard.hpp"
#include "runtime/tools/script_cage.hpp"
#include "runtime/tools/standard_tools.hpp"

namespace hillstar::tools {

Catalog standard_catalog() { return catalog_beside({}); }

Catalog catalog_beside(const std::string& store) {
  // Shared by the tools that start programs; its helper process is started with the first of them.
  const auto guard = std::make_shared<ProcessGuard>();
  const auto cage = std::make_shared<ScriptCage>(store);
  Catalog catalog;
  catalog["file_read"] = {file_read, true};
  catalog["file_write"] = {file_write, true};
  catalog["script_run"] = {[guard, cage](const ToolCall& call, const ToolContext& context) {
                             return script_run(call, context, *cage, guard.get());
                           },
                           true};
  catalog["git_commit"] = {
      [guard](const ToolCall& call, const ToolContext& context) { return git_commit(call, context, guard.get()); },
      true};
  return catalog;
}

}  // namespace hillstar::tools
