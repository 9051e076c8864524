// SPDX-License-Identifier: Apache-2.0
// What a host owes to other terminals before it ends: their runs go on here, and what nobody follows is left paused.
#pragma once

#include <memory>

#include "apps/cli/commands.hpp"
#include "apps/cli/display.hpp"
#include "apps/cli/link.hpp"

namespace hillstar::cli {

/// Says nothing of a run: for whoever waits only for its standstill.
std::shared_ptr<Display> silent_display(Output& output);

/// Stays while other terminals follow runs through this process, or begin them; then takes no more calls, so that
/// whoever comes later finds another host or is it. An interrupt ends it earlier: one of them takes over. Runs that go
/// on here and that nobody follows are paused, and stand still when this returns. Does nothing for who is no host.
void host_others(Context& context, Link& link);

}  // namespace hillstar::cli
