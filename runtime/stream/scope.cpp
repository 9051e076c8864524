// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/scope.hpp"

#include <algorithm>

#include "messages/error.hpp"

namespace hillstar::stream {
namespace {

struct Evolution {
  ScopeState& state;

  void operator()(const StateOpened& event) const {
    HILLSTAR_ASSERT(state.version == 0);
    state.opened = event;
  }
  void operator()(const StateChanged& event) const {
    HILLSTAR_ASSERT(state.version > 0);
    for (const auto& cell : event.cells) HILLSTAR_ASSERT(cell.version == 1 || state.cells.find(cell.key) != nullptr);
    state::fold(state.cells, event);
  }
  template <class Foreign>
  void operator()(const Foreign&) const {
    throw InvariantError{"a history of shared state holds a fact of something else"};
  }
};

}  // namespace

void evolve(ScopeState& state, const Event& event, UtcTime at) {
  std::visit(Evolution{state}, event);
  if (state.version++ == 0) state.begun_at = at;
  state.updated_at = at;
}

std::string name_of(const std::string& stream) { return stream.empty() ? "store" : stream; }

run::Summary row_of(const ScopeState& state, const RunId& history) {
  run::Summary row;
  row.run = history;
  row.status = "state";
  row.version = state.version;
  row.started_at = state.begun_at;
  row.updated_at = state.updated_at;
  row.reason = name_of(state.opened.stream.value_or(""));
  return row;
}

std::string shared_stream_of(const RunStarted& started) {
  if (started.state_stream) return *started.state_stream;
  return started.trigger && started.trigger->stream ? *started.trigger->stream : std::string();
}

std::string request_key(const RunId& run, const NodeId& node, std::optional<std::uint32_t> item) {
  return run.str() + "/" + node.str() + (item ? "/" + std::to_string(*item) : "");
}

void DoneRequests::note(const StateChanged& change, std::uint64_t seq) {
  if (change.key && change.run) done_.insert_or_assign(*change.key, Done{*change.run, seq});
}

std::optional<std::uint64_t> DoneRequests::find(const std::string& key) const {
  const auto found = done_.find(key);
  return found == done_.end() ? std::nullopt : std::optional(found->second.seq);
}

void DoneRequests::sweep(const std::function<bool(const RunId&)>& has_ended) {
  std::unordered_map<RunId, bool> known;
  std::erase_if(done_, [&](const auto& entry) {
    const auto [run, is_new] = known.try_emplace(entry.second.run, false);
    if (is_new) run->second = has_ended(entry.second.run);
    return run->second;
  });
  // Those that are left belong to runs under way: they are looked at again once there are twice as many.
  sweep_at_ = std::max(kSweepAt, 2 * done_.size());
}

}  // namespace hillstar::stream
