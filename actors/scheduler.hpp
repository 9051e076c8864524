// SPDX-License-Identifier: Apache-2.0
// How actors share threads: one queue for all workers, first come, first served, and no wake-up for what the sender's
// own thread can do next.
#pragma once

#include <caf/fwd.hpp>

namespace hillstar::actors {

/// Makes an actor system use this scheduler. CAF's own policies: `stealing` walks whole queues (quadratic with many
/// actors), `sharing` wakes another thread at every message, also when the sender is done and could go on itself.
void use_scheduler(caf::actor_system_config& config, unsigned threads);

}  // namespace hillstar::actors
