// SPDX-License-Identifier: Apache-2.0
// What the store knows about the calls of a backend: its limits go on from there after a restart.
#pragma once

#include <string>
#include <vector>

#include "messages/error.hpp"
#include "persistence/event_store.hpp"
#include "providers/pool/admission.hpp"
#include "providers/pool/ledger.hpp"

namespace hillstar::actors {

/// Calls within the last minute and on this day in UTC. Reads only histories that changed since. A call of which no
/// record says to whom it went counts for every backend. Blocks: reads the store.
/// @param opened  when this process began to use the store
Result<std::vector<providers::PastCall>> past_calls(const persistence::EventStore& store, const std::string& backend,
                                                    UtcTime opened);

/// What all runs of a workflow have spent: in all, and on the day of `now`. Attempts that were scheduled before
/// `opened` and have no end count as spent; later ones are those of this process, which reserves them itself.
Result<providers::Ledger::Past> past_spending(const persistence::EventStore& store, const std::string& workflow,
                                              UtcTime now, UtcTime opened);

}  // namespace hillstar::actors
