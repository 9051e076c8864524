// SPDX-License-Identifier: Apache-2.0
// What must hold in every state of a run, after every step. Checked by the tests and the simulation.
#pragma once

#include <string>
#include <vector>

#include "runtime/run/state.hpp"

namespace hillstar::run {

/// Sentences about what is broken; empty if the state is sound. Looks at every node: O(nodes + items).
/// `settled`: the state is as step() leaves it, so that nothing may be left for advance.
std::vector<std::string> violations(const RunState& state, bool settled);

/// Every field of the state as text: two states are equal if and only if their texts are.
std::string to_text(const RunState& state);

}  // namespace hillstar::run
