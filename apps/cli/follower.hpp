// SPDX-License-Identifier: Apache-2.0
// Follows one run to its next stop: shows it, asks for approvals, pauses it on Ctrl-C, takes over when the host ends.
#pragma once

#include <memory>

#include "apps/cli/display.hpp"
#include "apps/cli/link.hpp"
#include "apps/cli/live_run.hpp"
#include "apps/cli/output.hpp"

namespace hillstar::cli {

struct FollowOptions {
  RunId run;
  std::shared_ptr<const workflow::Plan> plan;
  std::uint64_t show_from = 1;  ///< Earlier events are folded but not shown.
  bool owns = true;             ///< Ctrl-C pauses the run; false: it only ends the watching.
  bool ask = false;             ///< Ask for approvals on this terminal.
  bool past_waits = false;      ///< Go on watching while the run waits for a person.
  bool take_over = true;        ///< When the host ends, join the next or be it; false: host_unreachable.
  std::shared_ptr<Display> display =
      {};  ///< Shared with the caller, who may keep state in it. Null: as the output says.
};

enum class Stop { ended, waits, interrupted };

struct Followed {
  Stop stop = Stop::ended;
  int signal = 0;  ///< If interrupted.
  LiveRun live;
};

/// Errors: those of the store and of the link, once nothing can be taken over.
Result<Followed> follow(Link& link, Output& output, const Clock& clock, const FollowOptions& options);

}  // namespace hillstar::cli
