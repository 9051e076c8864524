// SPDX-License-Identifier: Apache-2.0
// Node body of `model_call`: choose the backend, ask its pool. Its result is in model_result.hpp.
#pragma once

#include <memory>
#include <optional>
#include <variant>

#include "actors/services.hpp"

namespace hillstar::actors {

/// The call to hand to the providers, or why there is none. The node's key is looked up in the run's environment.
std::variant<ModelCallPtr, AttemptFailed> prepare_call(const Attempt& attempt, const ServicesPtr& services,
                                                       NodeActor node);
/// Filled by its job, on a worker's thread.
struct PreparedCall {
  std::optional<std::variant<ModelCallPtr, AttemptFailed>> call;
};
using PreparedCallPtr = std::shared_ptr<PreparedCall>;

/// True if the call shows image files, which must not be read on the scheduler.
bool reads_files(const Attempt& attempt);
/// prepare_call as a job, which leaves the call in `prepared`; its own outcome has no meaning if there is one.
JobPtr prepare_job(const Attempt& attempt, const ServicesPtr& services, NodeActor node, PreparedCallPtr prepared);
/// Writes the text to the files of PlanNode::outputs. A file that cannot be written does not fail the node; `detail`
/// says so.
JobPtr write_outputs_job(const Attempt& attempt, AttemptSucceeded succeeded, const ServicesPtr& services,
                         NodeActor node);

}  // namespace hillstar::actors
