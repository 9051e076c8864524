// SPDX-License-Identifier: Apache-2.0
// Money that a run may spend: what an attempt is charged, and the words for the end of it. Pure.
#pragma once

#include <string>

#include "messages/events.hpp"
#include "messages/units.hpp"

namespace hillstar::policy {

/// One sentence: which budget, how large, how much is spent and what was asked for.
std::string describe(const BudgetExhausted& event);

/// Failures with which a provider turns a call away before it does any work: they cost nothing.
bool is_turned_away(FailureClass kind);

}  // namespace hillstar::policy
