// SPDX-License-Identifier: Apache-2.0
// Conditions of the plan, asked of a state. For the other files of this folder.
#pragma once

#include "runtime/run/state.hpp"

namespace hillstar::run {

/// True if the condition holds now. Nodes without an end make their tests false.
bool holds(const RunState& state, const workflow::Condition& condition);
/// `judge`, a node of a loop, has ended: a loop whose last judges have all ended is met or not. A skipped judge means
/// that an earlier attempt met it.
void judge_loop(RunState& state, NodeIndex judge);

}  // namespace hillstar::run
