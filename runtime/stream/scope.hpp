// SPDX-License-Identifier: Apache-2.0
// State that many runs share, as its history folds: that of one stream, or of the store. And which requests were done.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

#include "messages/events.hpp"
#include "messages/ids.hpp"
#include "runtime/run/view.hpp"
#include "runtime/state/cells.hpp"

namespace hillstar::stream {

struct ScopeState {
  std::uint64_t version = 0;
  UtcTime begun_at;    ///< Of the first fact,
  UtcTime updated_at;  ///< of the last one.
  StateOpened opened;
  state::Cells cells;
};
/// A fact of a run or of a stream, and a version that does not follow, are InvariantErrors.
void evolve(ScopeState& state, const Event& event, UtcTime at);

/// Its row beside those of runs: status `state`, and the stream's name, or `store`, as the reason.
run::Summary row_of(const ScopeState& state, const RunId& history);
/// The same of a scope that has no history yet.
std::string name_of(const std::string& stream);

/// The stream whose state a run shares; empty: none.
std::string shared_stream_of(const RunStarted& started);
/// The same for every attempt of a node, or of an item of a map.
std::string request_key(const RunId& run, const NodeId& node, std::optional<std::uint32_t> item);

/// Requests that were done, so that none is done twice. Those of a run are forgotten once it has ended: no attempt of
/// it follows then.
class DoneRequests {
 public:
  /// Above this many, those of ended runs are looked for.
  static constexpr std::size_t kSweepAt = 50'000;

  void note(const StateChanged& change, std::uint64_t seq);
  /// The record that did it.
  [[nodiscard]] std::optional<std::uint64_t> find(const std::string& key) const;
  [[nodiscard]] bool needs_sweep() const { return done_.size() >= sweep_at_; }
  void sweep(const std::function<bool(const RunId&)>& has_ended);
  [[nodiscard]] std::size_t size() const { return done_.size(); }

 private:
  struct Done {
    RunId run;
    std::uint64_t seq = 0;
  };
  std::unordered_map<std::string, Done> done_;
  std::size_t sweep_at_ = kSweepAt;
};

}  // namespace hillstar::stream
