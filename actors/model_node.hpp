// SPDX-License-Identifier: Apache-2.0
// Node body of `model_call`: choose the backend, ask its pool, make a result of the reply.
#pragma once

#include <variant>

#include "actors/services.hpp"

namespace hillstar::actors {

/// The call to hand to the providers, or why there is none. The node's key is looked up in the run's environment.
std::variant<ModelCallPtr, AttemptFailed> prepare_call(const Attempt& attempt, const ServicesPtr& services,
                                                       NodeActor node);
/// What the answer means for the attempt. The result has Hillstar's shape:
/// {"finish_reason","input_tokens","model","output","output_tokens","provider","reasoning"?,"tokens_used"}.
NodeOutcome model_outcome(const Attempt& attempt, const ModelCall& call, ModelDone& done, const Services& services);
/// Writes the text to the files of PlanNode::outputs. A file that cannot be written does not fail the node; `detail`
/// says so.
JobPtr write_outputs_job(const Attempt& attempt, AttemptSucceeded succeeded, const ServicesPtr& services,
                         NodeActor node);

}  // namespace hillstar::actors
