// SPDX-License-Identifier: Apache-2.0
// Workflows that nodes run as runs of their own: which files a plan names, what they are given, and the plans to start
// them with. Pure: whoever compiles reads the files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"
#include "runtime/workflow/diagnostics.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::workflow {

/// Workflows inside one another, the outermost not counted.
inline constexpr std::size_t kChildDepthMax = 8;
/// Different files of one plan, and the bytes of their texts and plans.
inline constexpr std::size_t kChildFilesMax = 256;
inline constexpr std::size_t kChildBytesMax = 32U << 20U;

/// A node, as written, that runs a workflow.
struct ChildUse {
  std::string file;                ///< As in the plan now.
  std::string pointer;             ///< Of the node in the file that names it.
  std::vector<NodeIndex> planned;  ///< Its attempts of loops, or itself.
};
/// In the order of the plan.
std::vector<ChildUse> child_uses(const Plan& plan);

/// `../lib/b.json`, said in `flows/a.json`, is `lib/b.json`.
std::string name_from(std::string_view file, std::string_view named_in);
/// From now on the nodes of this use name `file`.
void rename(Plan& plan, const ChildUse& use, const std::string& file);

/// What the node gives against what the child declares: unknown names, missing ones, and values of a wrong type where
/// they are known already. `text` is what the plan was compiled from.
std::vector<Diagnostic> check_given(const Plan& plan, const ChildUse& use, const Plan& child, const std::string& text);

/// The plan to start a run of `child` with: it has those of `all` that it runs itself, or that they run.
Result<Plan> child_plan(const ChildWorkflow& child, const std::vector<ChildWorkflow>& all);

}  // namespace hillstar::workflow
