// SPDX-License-Identifier: Apache-2.0
// What a history says was spent on model calls. Pure.
#pragma once

#include <vector>

#include "messages/events.hpp"
#include "messages/units.hpp"

namespace hillstar::policy {

struct Spending {
  MicroUsd all;
  MicroUsd since;  ///< By attempts that ended at that time or later.
};

/// Ends that nobody saw count with all that was reserved, and so do attempts that were scheduled before `opened` and
/// have no end: the process that made them is gone.
Spending spending_of(const std::vector<Recorded>& history, UtcTime since, UtcTime opened);

}  // namespace hillstar::policy
