// SPDX-License-Identifier: Apache-2.0
#include "persistence/run_start.hpp"

#include <utility>
#include <variant>

namespace hillstar::persistence {
namespace {

Error no_start(const RunId& run) {
  return {Errc::record_corrupt, "The history does not begin with run_started.", run.str(), {}};
}

}  // namespace

Result<const RunStarted*> run_start(const std::vector<Recorded>& history, const RunId& run) {
  const auto* started = history.empty() ? nullptr : std::get_if<RunStarted>(&history.front().event);
  if (started == nullptr) return no_start(run);
  return started;
}

Result<RunStarted> read_run_start(const EventStore& store, const RunId& run) {
  HILLSTAR_TRY(const auto records, store.read_records(run, 1, 1));
  if (records.empty()) return Error{Errc::run_not_found, "there is no such run", run.str()};
  HILLSTAR_TRY(auto recorded, decode(records.front().line, run));
  auto* started = std::get_if<RunStarted>(&recorded.event);
  if (started == nullptr) return no_start(run);
  return std::move(*started);
}

}  // namespace hillstar::persistence
