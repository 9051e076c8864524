// SPDX-License-Identifier: Apache-2.0
// Classes of data where a node runs another workflow: what flows down, and what flows back. Pure.
//
// All inputs of such a run are of the class of what its node gets, if they are not of a higher one; what it gives back
// is of the highest class of anything in it.
#pragma once

#include <map>
#include <string>

#include "messages/error.hpp"
#include "messages/inputs.hpp"
#include "runtime/policy/rules.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::policy {

/// For each node of the plan that runs another workflow: the class of what it gets, where that is not the lowest one.
/// Errors: data_refused.
Result<std::map<NodeIndex, std::string>> classes_given(const workflow::Plan& plan, const DataRules& rules,
                                                       const std::string& workspace);
/// Makes every input of a lower class one of this class; an empty name changes nothing.
void raise_inputs(workflow::Plan& plan, const std::string& data_class, const DataRules& rules);

}  // namespace hillstar::policy
