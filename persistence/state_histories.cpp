// SPDX-License-Identifier: Apache-2.0
#include "persistence/state_histories.hpp"

#include "persistence/limits.hpp"
#include "runtime/platform/hash.hpp"

namespace hillstar::persistence {
namespace {

/// Crockford's letters, as in the ids of runs.
constexpr std::string_view kDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

bool has_ended(const EventStore& store, const RunId& run) {
  const auto row = store.summary(run);
  // A run that was removed had ended.
  return row ? run::is_terminal(*row) : row.error().code == Errc::run_not_found;
}

}  // namespace

RunId state_history(const std::string& stream) {
  const auto hash = sha256(stream.empty() ? "store" : "stream\n" + stream);
  std::string id(1, kStateLetter);
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (std::size_t i = 0; id.size() < kRunIdBytes; ++i) {
    bits = (bits << 8U) | hash[i];
    count += 8;
    for (; count >= 5 && id.size() < kRunIdBytes; count -= 5) id += kDigits[(bits >> (count - 5)) & 31U];
  }
  return RunId(std::move(id));
}

Result<ReadScope> read_scope(const EventStore& store, const std::string& stream) {
  auto found = read_scope_history(store, state_history(stream));
  if (!found && found.error().code == Errc::run_not_found) return ReadScope{};
  return found;
}

Result<ReadScope> read_scope_history(const EventStore& store, const RunId& history) {
  HILLSTAR_TRY(const auto row, store.summary(history));
  ReadScope scope;
  while (scope.state.version < row.version) {
    HILLSTAR_TRY(const auto page, store.read_records(history, scope.state.version + 1, kPageRecords));
    if (page.empty()) break;
    for (const auto& record : page) {
      HILLSTAR_TRY(const auto recorded, decode(record.line, history));
      try {
        stream::evolve(scope.state, recorded.event, recorded.at);
      } catch (const InvariantError& bug) {
        return Error{Errc::record_corrupt, "the history does not fold: " + bug.message,
                     history.str() + ", event " + std::to_string(recorded.seq)};
      }
      if (const auto* change = std::get_if<StateChanged>(&recorded.event)) scope.done.note(*change, recorded.seq);
      scope.chain = record.hash;
    }
    if (scope.done.needs_sweep()) scope.done.sweep([&](const RunId& run) { return has_ended(store, run); });
  }
  return scope;
}

}  // namespace hillstar::persistence
