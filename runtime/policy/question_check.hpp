// SPDX-License-Identifier: Apache-2.0
// The JSON Schemas of what nodes with tool `input` ask for. Pure.
#pragma once

#include <string>
#include <vector>

#include "runtime/workflow/diagnostics.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::policy {

/// Errors: schemas that are none. Warnings: keywords that are not checked. `text` is what the plan was compiled from.
std::vector<workflow::Diagnostic> check_questions(const workflow::Plan& plan, const std::string& text);

}  // namespace hillstar::policy
