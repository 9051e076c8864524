// SPDX-License-Identifier: Apache-2.0
// How long to wait before the next attempt, or to give up.
#pragma once

#include <cstdint>
#include <optional>

#include "messages/failure.hpp"
#include "messages/units.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::policy {

/// True for classes that pass by themselves: the other side was busy, slow or unreachable. An empty `retry.on` means
/// these, and the ways in which a script or a reply ends badly (exit_code, signal, io, empty_reply).
bool is_transient(FailureClass kind);

/// Returns the wait before the next attempt, or nothing if there is none left or the class is not retried.
/// @param counted     attempts that failed so far, the last one included; 1-based
/// @param chance_ppm  in [0, 1000000); the result is recorded in the event, so a replay needs no chance
/// A `retry_after` from the other side is a lower bound. Source: M. Brooker, "Exponential Backoff And Jitter",
/// AWS Architecture Blog, 2015 (full jitter).
std::optional<Millis> next_delay(const workflow::RetryPolicy& policy, std::uint32_t counted, const Failure& failure,
                                 std::uint32_t chance_ppm);

/// Failures of one place after which another may do better. A key that is wrong and a request that is refused for what
/// it says are for a person to look at.
bool may_go_elsewhere(FailureClass kind);

}  // namespace hillstar::policy
