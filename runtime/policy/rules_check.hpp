// SPDX-License-Identifier: Apache-2.0
// What the rules of whoever runs a workflow say against it, before anything runs. Pure. The engine asks again.
#pragma once

#include <string>
#include <vector>

#include "runtime/policy/model_choice.hpp"
#include "runtime/policy/registry.hpp"
#include "runtime/policy/rules.hpp"
#include "runtime/workflow/diagnostics.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::policy {

/// What a workflow is looked at with. Refers to what must outlive it.
struct RulesWorld {
  const Registry& registry;
  const LookUp& environment;
  const Rules& rules;
  const std::string& workspace;  ///< Absolute.
  bool air_gapped = false;       ///< As the command line says; the rules or the preset may say so too.
};

/// `text` is what the plan was compiled from. Errors: data beyond a clearance that nobody is asked about, classes that
/// there are not, scripts without a sandbox. Warnings: where people will be asked.
std::vector<workflow::Diagnostic> check_rules(const workflow::Plan& plan, const std::string& text,
                                              const RulesWorld& world);

/// May this node run as it asks? Errors: sandbox_refused.
Result<void> check_sandbox(const workflow::PlanNode& node, const Rules& rules, bool air_gapped);
/// The files that a rule may be set in, for a message.
std::string where_rules_stand(const Rules& rules);

}  // namespace hillstar::policy
