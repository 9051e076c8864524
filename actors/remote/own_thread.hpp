// SPDX-License-Identifier: Apache-2.0
// Something short that waits for disks or for another machine, on a thread of its own.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <functional>
#include <utility>

namespace hillstar::actors {

/// `work` must not throw. It is handed over as an argument: CAF 0.17.6 takes the arguments of an actor without any from
/// a null pointer, which our assertions do not let pass.
inline void on_own_thread(caf::actor_system& system, std::function<void()> work) {
  system.spawn<caf::detached>([](caf::event_based_actor*, const std::function<void()>& given) { given(); },
                              std::move(work));
}

}  // namespace hillstar::actors
