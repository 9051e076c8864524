// SPDX-License-Identifier: Apache-2.0
// How a run's history begins.
#pragma once

#include <vector>

#include "messages/error.hpp"
#include "messages/events.hpp"
#include "messages/ids.hpp"
#include "persistence/event_store.hpp"

namespace hillstar::persistence {

/// The first event of a whole history, which must outlive the answer. record_corrupt if it is no RunStarted.
Result<const RunStarted*> run_start(const std::vector<Recorded>& history, const RunId& run);

/// The same from the store, without the rest of the history. run_not_found; those of EventStore::read_records.
Result<RunStarted> read_run_start(const EventStore& store, const RunId& run);

}  // namespace hillstar::persistence
