// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/stream_statuses.hpp"

#include <algorithm>
#include <utility>

#include "apps/cli/stream_histories.hpp"
#include "runtime/stream/stream.hpp"

namespace hillstar::cli {
namespace {

/// Nothing if it was removed.
Result<std::optional<StreamStatus>> stored_status(const persistence::EventStore& store, const RunId& history) {
  HILLSTAR_TRY(const auto recorded, store.read(history));
  stream::StreamState state;
  try {
    state = stream::replay(recorded);
  } catch (const InvariantError& bug) {
    return Error{Errc::record_corrupt, bug.message, history.str()};
  }
  if (state.removed) return std::optional<StreamStatus>();
  StreamStatus status;
  status.history = history;
  status.declared = state.declared;
  status.declared_at = state.declared_at;
  status.held = state.held;
  status.reason = state.reason;
  status.last_due = state.last_due;
  persistence::RunQuery open;
  open.statuses = persistence::open_statuses();
  open.stream = state.declared.stream;
  HILLSTAR_CHECK(store.each(std::move(open), [&](const run::Summary& row) {
    ++(row.status == "queued" ? status.queued : status.running);
    return true;
  }));
  return std::optional(std::move(status));
}

/// `open` by whoever has them open, the rest by the store. What the store does not know is not there.
Result<std::vector<StreamStatus>> with_open(const persistence::EventStore& store, std::vector<StreamStatus> open) {
  std::vector<StreamStatus> all;
  HILLSTAR_TRY(const auto histories, store.streams());
  for (const auto& history : histories) {
    const auto found =
        std::find_if(open.begin(), open.end(), [&](const StreamStatus& one) { return one.history == history; });
    if (found != open.end()) {
      all.push_back(std::move(*found));
      open.erase(found);
      continue;
    }
    HILLSTAR_TRY(auto stored, stored_status(store, history));
    if (stored) all.push_back(*std::move(stored));
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.declared.stream < b.declared.stream; });
  return all;
}

}  // namespace

Result<std::vector<StreamStatus>> stored_streams(const persistence::EventStore& store) { return with_open(store, {}); }

Result<std::vector<StreamStatus>> all_streams(const Engine& engine) {
  return with_open(engine.store(), engine.streams());
}

Result<std::optional<StreamStatus>> find_status(const Engine& engine, const std::string& name) {
  auto open = engine.streams();
  const auto of_name = [&](const StreamStatus& one) { return one.declared.stream == name; };
  if (const auto found = std::find_if(open.begin(), open.end(), of_name); found != open.end())
    return std::optional(std::move(*found));
  const auto history = find_stream(engine.store(), name);
  if (!history && history.error().code == Errc::run_not_found) return std::optional<StreamStatus>();
  if (!history) return history.error();
  HILLSTAR_TRY(auto stored, stored_status(engine.store(), *history));
  // It may have been found by the id of its history.
  if (stored && !of_name(*stored)) stored.reset();
  return stored;
}

}  // namespace hillstar::cli
