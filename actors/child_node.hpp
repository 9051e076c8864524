// SPDX-License-Identifier: Apache-2.0
// Node bodies that are runs of other workflows: what such a run is given, and what its end means to the attempt.
#pragma once

#include <memory>
#include <optional>

#include "actors/services.hpp"

namespace hillstar::actors {

/// Bytes of the inputs of one run, as JSON.
inline constexpr std::size_t kChildInputBytesMax = 4U << 20U;

/// True if the attempt is a run of another workflow. (A catalog may hold a tool of that name instead.)
bool is_run(const Attempt& attempt, const Services& services);
/// The run of this attempt; its inputs are not filled yet.
std::shared_ptr<ChildOrder> order_of(const Attempt& attempt);
/// Fills the inputs. Answers AttemptCancelled when that is done, AttemptFailed if it cannot be.
JobPtr order_job(const Attempt& attempt, const ServicesPtr& services, NodeActor node,
                 std::shared_ptr<ChildOrder> order);
/// Reads the history of a run that has ended. `cancelled`: it was asked to end.
JobPtr child_end_job(const Attempt& attempt, const ServicesPtr& services, NodeActor node, const RunId& run,
                     bool cancelled);
/// Of a run that could not be started, or does not go on.
AttemptFailed child_refused(const Attempt& attempt, const Error& error);

}  // namespace hillstar::actors
