// SPDX-License-Identifier: Apache-2.0
// What a committed event is to an event trigger: a match or not, how deep the run would be that it causes, and what the
// run is given. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "messages/entry_point.hpp"
#include "messages/error.hpp"
#include "messages/events.hpp"
#include "messages/json.hpp"

namespace hillstar::stream {

/// Runs that may cause one another, unless the trigger says otherwise.
inline constexpr std::uint32_t kDepthDefault = 8;

/// The run, or the stream, whose history an event is in.
struct Source {
  RunId history;
  WorkflowId workflow;
  std::optional<std::string> stream;  ///< The run was started through it, or it is this stream.
  std::uint32_t depth = 0;            ///< As in Trigger; 0 for what nothing caused.
};

bool matches(const EventTrigger& trigger, const Source& source, const Event& event);
/// True if the type fits; the rest of the trigger is not looked at.
bool matches_type(const EventTrigger& trigger, std::string_view type);
/// Depth of the run that the source's event would cause. depth_exceeded beyond the trigger's limit.
Result<std::uint32_t> depth_after(const EventTrigger& trigger, const Source& source);
/// `{"event": {"run", "seq", "at", "type", "workflow", "stream", ...}}` with the members of the event.
Json event_document(const Source& source, const Recorded& recorded);
/// The key of the run that this event causes.
std::string event_key(const RunId& history, std::uint64_t seq);

}  // namespace hillstar::stream
