// SPDX-License-Identifier: Apache-2.0
// From what triggered a run to what the run is given, and to the key that tells it from others. Pure.
//
// A trigger is one JSON document. What a webhook or a caller sent is its member `body`; the others say where it came
// from. Templates read it as {{ trigger.body.issue.id }}: the exact key first, else one step for each dot; elements of
// arrays by their place.
#pragma once

#include <optional>
#include <string>

#include "messages/entry_point.hpp"
#include "messages/error.hpp"
#include "messages/json.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::stream {

/// Longest key of a run.
inline constexpr std::size_t kKeyBytesMax = 512;

/// All inputs of the run, with defaults. Those of the entry point's templates; without such: the members of `inputs`,
/// of `body`, or of the trigger itself if it has neither, that the workflow declares, and the whole trigger for an
/// input of that name. A template that is one reference keeps the type of what it names; text is taken as JSON where
/// the input is no string, as with `run -p`. inputs_invalid names every input that does not fit by its JSON pointer.
Result<Json> inputs_of(const workflow::Plan& plan, const EntryPoint& entry, const Json& trigger);

/// The inputs that a caller gave by name, checked and with defaults. Nothing given counts as an empty object.
Result<Json> given_inputs(const workflow::Plan& plan, const Json& given);

/// The key that `dedupe` makes of the trigger; nothing if the entry point has none. inputs_invalid if the trigger has
/// not what it names: triggers must not be taken for one another because all of them lack something.
Result<std::optional<std::string>> key_of(const EntryPoint& entry, const Json& trigger);

}  // namespace hillstar::stream
