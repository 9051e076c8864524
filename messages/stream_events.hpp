// SPDX-License-Identifier: Apache-2.0
// Facts about streams, and about how runs came to start through them. Part of events.hpp.
//
// A stream has a history like a run's, under an id that begins with `S`: StreamDeclared is its first event.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "messages/entry_point.hpp"
#include "messages/ids.hpp"
#include "messages/units.hpp"
#include "messages/value.hpp"

namespace hillstar {

/// A point in another history.
struct Origin {
  RunId run;
  std::uint64_t seq = 0;

  bool operator==(const Origin&) const = default;
};
BOOST_DESCRIBE_STRUCT(Origin, (), (run, seq))

/// What made a run start. Part of RunStarted.
struct Trigger {
  std::optional<std::string> stream;  ///< Name; absent: it was started by itself.
  TriggerKind kind = TriggerKind::manual;
  std::optional<std::string> key;    ///< No other run of the stream has it.
  std::optional<UtcTime> due;        ///< timer: the firing.
  std::optional<Origin> cause;       ///< event, workflow: what it follows from.
  std::uint32_t depth = 0;           ///< Runs that caused one another, up to this one.
  std::optional<std::string> trace;  ///< W3C traceparent of whoever asked.

  bool operator==(const Trigger&) const = default;
};
BOOST_DESCRIBE_STRUCT(Trigger, (), (stream, kind, key, due, cause, depth, trace))

// -- runs ---------------------------------------------------------------------------------------------

/// The run was accepted and waits its turn: nothing of it starts until RunAdmitted. Follows RunStarted in one write.
struct RunQueued {
  std::uint64_t ticket = 0;  ///< Its place: 1, 2, 3, ... in the order of acceptance.
};
BOOST_DESCRIBE_STRUCT(RunQueued, (), (ticket))

struct RunAdmitted {};
BOOST_DESCRIBE_STRUCT(RunAdmitted, (), ())

/// The run's time is over: what still runs is stopped.
struct RunDeadlinePassed {};
BOOST_DESCRIBE_STRUCT(RunDeadlinePassed, (), ())

/// The end of a run whose time was over.
struct RunTimedOut {
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(RunTimedOut, (), (reason))

// -- streams ------------------------------------------------------------------------------------------

/// The stream accepts triggers. Again: with another entry point or another workflow text from now on.
struct StreamDeclared {
  std::string stream;  ///< `workflow/entry point`.
  EntryPoint entry;
  WorkflowId workflow;
  std::string workflow_file;
  std::string workflow_sha256;  ///< Blob, as in RunStarted.
  std::string plan_sha256;      ///< Blob.
  std::string workspace;
  std::string output_dir;
  std::vector<std::string> allow_paths;
  std::string declared_by;
};
BOOST_DESCRIBE_STRUCT(StreamDeclared, (),
                      (stream, entry, workflow, workflow_file, workflow_sha256, plan_sha256, workspace, output_dir,
                       allow_paths, declared_by))

/// Triggers are accepted and wait; no run starts until StreamReleased.
struct StreamHeld {
  std::string who;
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(StreamHeld, (), (who, reason))

struct StreamReleased {
  std::string who;
};
BOOST_DESCRIBE_STRUCT(StreamReleased, (), (who))

/// No trigger is accepted any more. Its runs go on.
struct StreamRemoved {
  std::string who;
};
BOOST_DESCRIBE_STRUCT(StreamRemoved, (), (who))

/// A timer's firing has been dealt with: a run was accepted for it, or none because of what `skipped` says.
struct TimerFired {
  UtcTime due;
  std::optional<RunId> run;
  std::optional<std::string> skipped;
};
BOOST_DESCRIBE_STRUCT(TimerFired, (), (due, run, skipped))

/// Everything that was recorded up to this time was looked at by an event trigger.
struct CursorMoved {
  std::uint64_t position = 0;  ///< Microseconds since 1970.
};
BOOST_DESCRIBE_STRUCT(CursorMoved, (), (position))

}  // namespace hillstar
