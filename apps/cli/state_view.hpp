// SPDX-License-Identifier: Apache-2.0
// Shared state as people and programs see it: cells, their changes, and the scopes of a store.
#pragma once

#include <string>

#include "messages/error.hpp"
#include "messages/events.hpp"
#include "messages/json.hpp"
#include "persistence/event_store.hpp"
#include "runtime/state/cells.hpp"

namespace hillstar::cli {

/// Changes that one answer lists, the newest.
inline constexpr std::size_t kStateChangesMax = 1'000;

/// {"key", "value", "version"}
Json cell_object(const StateCell& cell);
/// [{"key", "value", "version"}, ...] of the values that are there.
Json cells_array(const state::Cells& cells, const std::string& prefix);
/// What changed, oldest first: [{"seq", "at", "key", "value" or "removed", "version", "run", "node", "item", "who"},
/// ...]. `stream` empty: the store's. `key` empty: of all keys.
Result<Json> state_changes(const persistence::EventStore& store, const std::string& stream, const std::string& key);
/// The same of a run's own state.
Json state_changes(const std::vector<Recorded>& history, const std::string& key);
/// [{"scope", "stream", "history", "version", "updated_at"}, ...]
Result<Json> state_scopes(const persistence::EventStore& store);

}  // namespace hillstar::cli
