// SPDX-License-Identifier: Apache-2.0
// A node with tool `state`: its parameters and input become a request. Of the run's own state the run decides; of what
// many runs share, the scope.
#pragma once

#include <variant>

#include "actors/services.hpp"

namespace hillstar::actors {

/// What the attempt asks for, filled and redacted; or why it cannot be asked.
std::variant<StateRequest, AttemptFailed> prepare_state(const Attempt& attempt, const Services& services);
/// Asks the scope; the node gets one StateDone.
void ask_scope(const Attempt& attempt, StateRequest request, const Services& services, const NodeActor& node);
/// What the answer means for the attempt.
NodeOutcome state_outcome(const Attempt& attempt, StateDone& done, const Services& services);

}  // namespace hillstar::actors
