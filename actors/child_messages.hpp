// SPDX-License-Identifier: Apache-2.0
// What the messages about runs inside runs hold. Include actors/handles.hpp.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/handles.hpp"
#include "actors/reply.hpp"
#include "messages/commands.hpp"
#include "messages/events.hpp"
#include "messages/inputs.hpp"
#include "runtime/tools/tool.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::actors {

/// What a run hands on to its parts; all of its attempts share it.
struct ChildFrame {
  std::shared_ptr<const workflow::Plan> plan;
  RunStarted started;
};

/// One attempt that is a run.
struct ChildOrder {
  RunId run;
  AttemptRef ref;
  std::shared_ptr<const ChildFrame> frame;
  std::shared_ptr<const workflow::PlanNode> node;
  std::shared_ptr<const tools::RunContext> above;
  std::uint64_t seq = 0;                     ///< Of the event above that it follows from.
  std::map<std::string, std::string> texts;  ///< Inputs whose templates are text, filled.
  Json values;                               ///< The others: an object.
  std::optional<MicroUsd> budget;
  std::optional<UtcTime> ends_by;  ///< Of the node, with all its attempts.
};

/// Start the run, or find it again; answered by one ChildAnswered.
struct RunChild {
  std::shared_ptr<ChildOrder> order;
  NodeActor node;
  std::optional<Halt> halt = {};  ///< It is to be stopped at once, and not started if it is not there.
  bool held = false;
};
/// Answered by the same ChildAnswered, but for Halt::leave, which nothing answers.
struct HaltChild {
  RunId run;
  AttemptRef ref;
  Halt why = Halt::cancel;
};
struct HoldChild {
  RunId run;
  bool held = false;
};
/// From the run itself: its end is durable; or it stops here without one, and `parked` says why.
struct ChildMoved {
  RunId run;
  std::optional<Error> parked = {};
};
struct ChildStarted {
  RunId run;
  std::optional<Error> refused;
};
struct ChildTold {
  RunId run;
  AttemptRef ref;
  std::optional<Error> refused;
};
/// `ended`: the store has its whole history. Otherwise it was never started, or stands still as it was asked to; with
/// an error it could not be started, or does not go on.
struct ChildAnswered {
  AttemptRef ref;
  bool ended = false;
  std::optional<Error> error = {};
};
/// The supervisor is there.
struct OpenChildren {
  Supervisor supervisor;
  std::vector<std::pair<RunId, RunId>> parts;  ///< Runs without an end that are parts of others, and of which.
};

/// Why a part is cancelled that nobody waits for any more.
inline constexpr std::string_view kAboveEnded = "the run that it is a part of has ended";

}  // namespace hillstar::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::HoldNode)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::RunChild)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::HaltChild)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::HoldChild)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::ChildMoved)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::ChildStarted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::ChildTold)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::ChildAnswered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::OpenChildren)
