// SPDX-License-Identifier: Apache-2.0
// How streams stand: as the engine that has them open says, and as the store says of the others.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "actors/engine.hpp"
#include "messages/error.hpp"
#include "persistence/event_store.hpp"

namespace hillstar::cli {

/// The streams of a store that nobody serves, as far as the store says it; by name.
Result<std::vector<StreamStatus>> stored_streams(const persistence::EventStore& store);
/// Those of the engine, and those that it has not opened; by name. Only the histories of the latter are read.
Result<std::vector<StreamStatus>> all_streams(const Engine& engine);
/// One of all_streams; nothing if there is none of this name.
Result<std::optional<StreamStatus>> find_status(const Engine& engine, const std::string& name);

}  // namespace hillstar::cli
