// SPDX-License-Identifier: Apache-2.0
// Histories of streams in the tools that look after histories: they are checked and exported like those of runs, shown
// by the name of the stream, and never folded as runs.
#pragma once

#include <string>
#include <string_view>

#include "messages/error.hpp"
#include "persistence/event_store.hpp"

namespace hillstar::cli {

/// The history that a person means by a stream's name or by the history's id. run_not_found if there is none.
Result<RunId> find_stream(const persistence::EventStore& store, std::string_view selector);
/// A run, or the history of a stream.
Result<RunId> select_history(const persistence::EventStore& store, std::string_view selector);
/// `stream NAME` if the id is of a stream's history, and as it is otherwise.
std::string shown_history(const persistence::EventStore& store, const std::string& id);
/// Reads it, hash chain included, and compares what it says with its row. Returns how many events it has.
Result<std::uint64_t> check_stream(const persistence::EventStore& store, const RunId& id);

/// The same of a history of shared state.
Result<std::uint64_t> check_scope(const persistence::EventStore& store, const RunId& id);

}  // namespace hillstar::cli
