// SPDX-License-Identifier: Apache-2.0
// Money that a run may spend: what an attempt is charged, and the words for the end of it. Pure.
#pragma once

#include <string>
#include <vector>

#include "messages/events.hpp"
#include "messages/units.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::policy {

/// One sentence: which budget, how large, how much is spent and what was asked for.
std::string describe(const BudgetExhausted& event);

/// What an attempt counts against budgets once it has ended: what it cost, or all that was reserved for it if it may
/// have cost something and nobody said what.
MicroUsd charge_of(const NodeCompleted& event, const Reservation& reserved);
MicroUsd charge_of(const NodeAttemptFailed& event, const Reservation& reserved);
MicroUsd charge_of(const NodeCancelled& event, const Reservation& reserved);

/// What one run may cost: what its starter allows, if the workflow does not allow less.
MicroUsd tighter(const workflow::Plan& plan, MicroUsd given);
/// Whether an exhausted budget pauses the run, or ends it. A node's own cannot be waited for.
bool pauses(const workflow::Plan& plan, BudgetScope scope);

/// The facts of a budget that has not enough left.
void add_exhausted(BudgetExhausted event, const workflow::Plan& plan, std::vector<Event>& facts);

/// Failures with which a provider turns a call away before it does any work: they cost nothing.
bool is_turned_away(FailureClass kind);

}  // namespace hillstar::policy
