// SPDX-License-Identifier: Apache-2.0
// What a person says about a run, against what the run can hear: wherever it is said, the same is refused.
#pragma once

#include <string>

#include "apps/cli/report.hpp"

namespace hillstar::cli {

/// `node`, or `node[3]` of a map that has such an item. Errors: not_found.
Result<run::UnitRef> find_unit_named(const StoredRun& stored, const std::string& name);

/// Would the answer of `who` count, or would the run pass over it without a word? Errors: run_state if the node does
/// not wait for it, or has it already; permission_denied.
Result<void> check_answer(const StoredRun& stored, NodeIndex node, const std::string& who, bool yes);
/// Somebody was faster.
Error answered_already(const StoredRun& stored, NodeIndex node);

}  // namespace hillstar::cli
