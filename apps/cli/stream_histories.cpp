// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/stream_histories.hpp"

#include <algorithm>

#include "apps/cli/selector.hpp"

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
  auto stream = find_stream(store, selector);
  if (stream || stream.error().code != Errc::run_not_found) return stream;
  const auto row = select_run(store, selector);
  if (!row) return row.error();
  return row->run;
}

std::string shown_history(const persistence::EventStore& store, const std::string& id) {
  if (id.empty() || id.front() != kStreamLetter) return id;
  const auto row = store.summary(RunId(id));
  return row && !row->reason.empty() ? "stream " + row->reason : "stream history " + id;
}

Result<std::uint64_t> check_stream(const persistence::EventStore& store, const RunId& id) {
  HILLSTAR_TRY(const auto history, store.read(id));
  HILLSTAR_TRY(const auto row, store.summary(id));
  const StreamDeclared* declared = nullptr;
  for (const auto& recorded : history)
    if (const auto* one = std::get_if<StreamDeclared>(&recorded.event)) declared = one;
  const bool begins = !history.empty() && std::holds_alternative<StreamDeclared>(history.front().event);
  if (begins && row.version == history.size() && row.reason == declared->stream && row.workflow == declared->workflow &&
      row.updated_at == history.back().at)
    return row.version;
  return Error{Errc::replay_differs,
               begins ? "The stream's history says something else than its row."
                      : "The history does not begin with the declaration of a stream.",
               id.str(), "`hillstar-actors verify` checks the whole store."};
}

}  // namespace hillstar::cli
