// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/stream_histories.hpp"

#include <algorithm>
#include <utility>

#include "apps/cli/selector.hpp"
#include "persistence/limits.hpp"
#include "persistence/state_histories.hpp"
#include "runtime/stream/scope.hpp"
#include "runtime/stream/stream.hpp"

namespace hillstar::cli {

Result<RunId> find_stream(const persistence::EventStore& store, std::string_view selector) {
  HILLSTAR_TRY(const auto streams, store.streams());
  const auto fits = [&](const RunId& id) {
    if (id.str() == selector) return true;
    const auto row = store.summary(id);
    return row && row->reason == selector;
  };
  const auto found = std::find_if(streams.begin(), streams.end(), fits);
  if (found != streams.end()) return *found;
  return Error{Errc::run_not_found, "There is no stream '" + std::string(selector) + "'."};
}

Result<RunId> select_history(const persistence::EventStore& store, std::string_view selector) {
  if (const RunId id{std::string(selector)};
      is_state_history(id) && selector.size() == persistence::kRunIdBytes && store.summary(id))
    return id;
  auto stream = find_stream(store, selector);
  if (stream || stream.error().code != Errc::run_not_found) return stream;
  const auto row = select_run(store, selector);
  if (!row) return row.error();
  return row->run;
}

std::string shown_history(const persistence::EventStore& store, const std::string& id) {
  const RunId history(id);
  if (is_state_history(history)) {
    const auto row = store.summary(history);
    if (!row) return "shared state " + id;
    return row->reason == stream::name_of("") ? "state of the store" : "state of stream " + row->reason;
  }
  if (!is_stream_history(history)) return id;
  const auto row = store.summary(history);
  return row && !row->reason.empty() ? "stream " + row->reason : "stream history " + id;
}

Result<std::uint64_t> check_stream(const persistence::EventStore& store, const RunId& id) {
  // The row first: what is recorded from now on is not in it.
  HILLSTAR_TRY(const auto row, store.summary(id));
  HILLSTAR_TRY(auto history, store.read(id));
  if (history.size() > row.version)
    history.erase(history.begin() + static_cast<std::ptrdiff_t>(row.version), history.end());
  const auto wrong = [&](std::string message) {
    return Error{Errc::replay_differs, std::move(message), id.str(),
                 "`hillstar-actors verify` checks the whole store; `repair` tells what can be saved."};
  };
  stream::StreamState state;
  try {
    state = stream::replay(history);
  } catch (const InvariantError& error) {
    return wrong(std::string("The history is not one of a stream: ") + error.message);
  }
  if (stream::row_of(state, id) == row) return state.version;
  return wrong("The stream's history folds to something else than its row.");
}

Result<std::uint64_t> check_scope(const persistence::EventStore& store, const RunId& id) {
  HILLSTAR_TRY(const auto row, store.summary(id));
  const auto scope = persistence::read_scope_history(store, id);
  const auto wrong = [&](std::string message) {
    return Error{Errc::replay_differs, std::move(message), id.str(),
                 "`hillstar-actors verify` checks the whole store; `repair` tells what can be saved."};
  };
  if (!scope) return wrong("The shared state cannot be folded: " + scope.error().message);
  const auto& state = scope->state;
  if (persistence::state_history(state.opened.stream.value_or("")) != id)
    return wrong("The history is that of another shared state.");
  if (stream::row_of(state, id) == row) return state.version;
  return wrong("The history of shared state folds to something else than its row.");
}

}  // namespace hillstar::cli
