// SPDX-License-Identifier: Apache-2.0
// What is remembered of a run that sleeps, so that waking it costs little: what many runs of one plan share, if others
// still hold it, which is not kept alive by this; and its history, if that is no more than its small first batch, as of
// runs that wait their turn.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "messages/events.hpp"
#include "persistence/event_codec.hpp"
#include "runtime/run/run.hpp"

namespace hillstar::actors {

/// Records of a first batch that are kept in memory, in bytes.
inline constexpr std::size_t kKeptHistoryMax = 4U << 10U;

/// A whole history, and the hash of its last record.
struct KeptHistory {
  std::shared_ptr<const std::vector<Recorded>> events;  ///< Null: none is kept.
  persistence::Hash chain{};
};

class KeptParts {
 public:
  KeptParts() = default;
  explicit KeptParts(const run::RunState& state, KeptHistory history = {})
      : history_(std::move(history)),
        plan_(state.plan),
        index_(state.index),
        routes_(state.routes),
        guard_(state.guard),
        has_routes_(state.routes != nullptr),
        has_guard_(state.guard != nullptr) {}

  [[nodiscard]] const KeptHistory& history() const { return history_; }

  /// The state before the first event; nothing if a part of it is gone.
  [[nodiscard]] std::optional<run::RunState> fresh() const {
    auto plan = plan_.lock();
    auto index = index_.lock();
    if (!plan || !index) return std::nullopt;
    auto state = run::initial(std::move(plan), std::move(index));
    state.routes = routes_.lock();
    state.guard = guard_.lock();
    if ((state.routes != nullptr) != has_routes_ || (state.guard != nullptr) != has_guard_) return std::nullopt;
    return state;
  }

 private:
  KeptHistory history_;
  std::weak_ptr<const workflow::Plan> plan_;
  std::weak_ptr<const run::PlanIndex> index_;
  std::weak_ptr<const policy::Routes> routes_;
  std::weak_ptr<const policy::DataGuard> guard_;
  bool has_routes_ = false;
  bool has_guard_ = false;
};

}  // namespace hillstar::actors
