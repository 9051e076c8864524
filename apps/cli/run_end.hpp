// SPDX-License-Identifier: Apache-2.0
// What exit code says how a run ended, or why it stands still. Pure.
#pragma once

#include "apps/cli/exit_codes.hpp"
#include "runtime/run/state.hpp"

namespace hillstar::cli {

/// Of a run that ended; `waits` for any other.
Exit exit_of_end(const run::RunState& state);

/// The worse of the ends of two runs: a failure of whatever kind, then a cancellation, then a run that stands still.
Exit worse_end(Exit one, Exit other);

}  // namespace hillstar::cli
