// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/run_end.hpp"

#include <algorithm>
#include <array>

namespace hillstar::cli {
namespace {

/// From the best to the worst; what is not named here is worse than all.
constexpr std::array kOrder{Exit::done,   Exit::waits,   Exit::cancelled, Exit::timeout,
                            Exit::budget, Exit::refused, Exit::run_failed};

std::size_t rank(Exit end) {
  return static_cast<std::size_t>(std::find(kOrder.begin(), kOrder.end(), end) - kOrder.begin());
}

}  // namespace

Exit exit_of_end(const run::RunState& state) {
  switch (state.status) {
    case run::RunStatus::completed:
      return Exit::done;
    case run::RunStatus::cancelled:
      return Exit::cancelled;
    case run::RunStatus::timed_out:
      return Exit::timeout;
    case run::RunStatus::failed:
      if (!state.failure) return Exit::run_failed;
      if (state.failure->kind == FailureClass::permission || state.failure->kind == FailureClass::path_refused)
        return Exit::refused;
      if (state.failure->kind == FailureClass::timeout || state.failure->kind == FailureClass::queue_timeout)
        return Exit::timeout;
      if (state.failure->kind == FailureClass::budget || state.failure->kind == FailureClass::quota)
        return Exit::budget;
      return Exit::run_failed;
    default:
      return Exit::waits;
  }
}

Exit worse_end(Exit one, Exit other) { return rank(one) < rank(other) ? other : one; }

}  // namespace hillstar::cli
