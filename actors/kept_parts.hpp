// SPDX-License-Identifier: Apache-2.0
// What many runs of one plan share, remembered for a run that sleeps: if others still hold it, waking it costs no look
// at blobs. Nothing is kept alive by this.
#pragma once

#include <memory>
#include <optional>

#include "runtime/run/run.hpp"

namespace hillstar::actors {

class KeptParts {
 public:
  KeptParts() = default;
  explicit KeptParts(const run::RunState& state)
      : plan_(state.plan),
        index_(state.index),
        routes_(state.routes),
        guard_(state.guard),
        has_routes_(state.routes != nullptr),
        has_guard_(state.guard != nullptr) {}

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
  std::weak_ptr<const workflow::Plan> plan_;
  std::weak_ptr<const run::PlanIndex> index_;
  std::weak_ptr<const policy::Routes> routes_;
  std::weak_ptr<const policy::DataGuard> guard_;
  bool has_routes_ = false;
  bool has_guard_ = false;
};

}  // namespace hillstar::actors
