// SPDX-License-Identifier: Apache-2.0
// What can be said against a workflow's models before anything runs: names, lists, refused parameters, sizes. Pure.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "messages/model.hpp"
#include "runtime/policy/model_choice.hpp"
#include "runtime/policy/registry.hpp"
#include "runtime/workflow/diagnostics.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::policy {

/// Can the backend's API be asked for this? For what only adapters know. Errors: tool_parameters with the request's
/// field as `where`; others are not looked at.
using TryAsking = std::function<Result<void>(const ModelRequest& request, const Backend& backend)>;

/// `text` is what the plan was compiled from; it says where things stand. Keys and addresses of routers are not looked
/// at: they belong to whoever runs it. Errors: what cannot run anywhere (no such provider, forbidden by the workflow
/// itself, parameters of the wrong type or that the API has no words for). Warnings: what the registry or a family of
/// models speaks against, since both age; what is left out or not checked.
std::vector<workflow::Diagnostic> check_models(const workflow::Plan& plan, const std::string& text,
                                               const Registry& registry, const TryAsking& try_asking = {});

}  // namespace hillstar::policy
