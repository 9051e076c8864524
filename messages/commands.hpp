// SPDX-License-Identifier: Apache-2.0
// What a run asks of the world. Derived from events and state, never stored.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "messages/inputs.hpp"

namespace hillstar {

/// A result that a template refers to. `source` is the node id as the reference spells it.
struct Binding {
  std::string source;
  Value result;
};

/// Make one attempt: evaluate the list of a map (`lists_items`), or run the node's tool once.
struct ExecuteNode {
  AttemptRef ref;
  bool lists_items = false;
  std::vector<Binding> bindings;  ///< One for each node that the templates of this node name.
  Value items;                    ///< For a map item: the whole list as it was recorded; the item is `ref.item`.
  Value item;                     ///< The item itself. Whoever executes cuts it out of the list, which may be a blob.
  Json inputs;                    ///< The run's inputs.
  std::optional<Reservation> call = {};  ///< Where a model call goes, as it was recorded.
  std::optional<Value> rejected = {};    ///< Of a model call: the result that did not fit its schema, to be mended.
  std::uint32_t failed = 0;              ///< Attempts of the unit that have failed; those that were lost or stopped
                                         ///< are not among them, so that this one may be the same as the one before.
  std::optional<UtcTime> ends_by = {};   ///< The unit's whole time is over then.
  bool resumes = false;  ///< It was under way before the host died, on a machine that may still be at it: that one is
                         ///< asked, and the attempt is not begun again.
};
/// Why an attempt is stopped, which decides what becomes of a run that it waits for: `leave`: it goes on, since the
/// attempt is taken up again; `pause`: it pauses too; `cancel`: it is cancelled.
enum class Halt : std::uint8_t { leave, pause, cancel };
struct CancelNode {
  AttemptRef ref;
  Halt why = Halt::cancel;
};
/// The run that this attempt waits for is to start nothing new while this one is paused, or may go on.
struct HoldNode {
  AttemptRef ref;
  bool held = false;
};
/// Answer with RetryDue{ref} at `due`, or at once if that has passed.
struct ArmTimer {
  AttemptRef ref;
  UtcTime due;
};
/// Answer with DeadlineReached at `due`, or at once if that has passed.
struct ArmDeadline {
  UtcTime due;
};
struct AskApproval {
  NodeIndex node = 0;
  std::string prompt;
};
/// The run is terminal: stop its actors.
struct Finish {};

using Command = std::variant<ExecuteNode, CancelNode, HoldNode, ArmTimer, ArmDeadline, AskApproval, Finish>;

}  // namespace hillstar
