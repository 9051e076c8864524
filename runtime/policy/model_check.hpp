// SPDX-License-Identifier: Apache-2.0
// What can be said against a workflow's models before anything runs: names, lists, refused parameters, sizes. Pure.
#pragma once

#include <string>
#include <vector>

#include "runtime/policy/registry.hpp"
#include "runtime/workflow/diagnostics.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::policy {

/// `text` is what the plan was compiled from; it says where things stand. Keys and addresses of routers are not looked
/// at: they belong to whoever runs it. Errors: what cannot run anywhere (no such provider, forbidden by the workflow
/// itself). Warnings: what the registry or a family of models speaks against, since both age.
std::vector<workflow::Diagnostic> check_models(const workflow::Plan& plan, const std::string& text,
                                               const Registry& registry);

}  // namespace hillstar::policy
