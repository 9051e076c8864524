// SPDX-License-Identifier: Apache-2.0
// Where the history of shared state lies, and what it comes to.
#pragma once

#include <string>

#include "persistence/event_codec.hpp"
#include "persistence/event_store.hpp"
#include "runtime/stream/scope.hpp"

namespace hillstar::persistence {

/// The id follows from the name, so that there is one history of each. `stream` empty: the store's state.
RunId state_history(const std::string& stream);

struct ReadScope {
  stream::ScopeState state;
  stream::DoneRequests done;
  Hash chain{};  ///< Of the last record.
};
/// Page by page: memory holds the cells, and never the whole history. A scope that nobody has changed yet has version
/// 0. Errors: those of EventStore::read_records; record_corrupt for a history that does not fold.
Result<ReadScope> read_scope(const EventStore& store, const std::string& stream);
/// The same of a history that is known by its id; run_not_found if there is none.
Result<ReadScope> read_scope_history(const EventStore& store, const RunId& history);

}  // namespace hillstar::persistence
