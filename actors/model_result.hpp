// SPDX-License-Identifier: Apache-2.0
// What a node gets of a model's answer: the result, or the failure with what was left.
#pragma once

#include "actors/services.hpp"

namespace hillstar::actors {

class ModelCall;

/// What the answer means for the attempt. The result has Hillstar's shape:
/// {"finish_reason","input_tokens","model","output","output_tokens","provider","reasoning"?,"tokens_used"}, and
/// `json` (the parsed reply, if a JSON format was asked for; text of it above kInlineBytesMax), `tool_calls` and
/// `message` (the turn as a conversation takes it back), if there are any.
/// A reply that is not the JSON it was to be is a schema_mismatch; its result has `output` and `error`.
NodeOutcome model_outcome(const Attempt& attempt, const ModelCall& call, ModelDone& done, const Services& services);

}  // namespace hillstar::actors
