// SPDX-License-Identifier: Apache-2.0
// An entry point: a named way to start runs of a workflow, and the limits under which they start. Declared in a
// workflow file or over the API; each one that a host serves is a stream.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "messages/json.hpp"
#include "messages/units.hpp"

namespace hillstar {

/// Who starts runs of a stream. `manual`: a person at a terminal; `api`: a program over HTTP; both may always.
BOOST_DEFINE_ENUM_CLASS(TriggerKind, manual, api, webhook, timer, event, file, workflow)
/// Which shared state a run sees: its own; that of its stream and of the store, last write wins; the same, but a write
/// must name the version that it replaces.
BOOST_DEFINE_ENUM_CLASS(Isolation, isolated, shared, synchronized)
/// What happens to a trigger when the queue is full: it is refused; the run that waits longest makes room; it is
/// answered once there is room, or refused after a while.
BOOST_DEFINE_ENUM_CLASS(Overflow, reject, drop_oldest, wait)
/// What a timer does while a run of its stream is under way: starts another; starts none; lets it wait.
BOOST_DEFINE_ENUM_CLASS(Overlap, allow, skip, queue)
/// What becomes of firings that nobody was there for: nothing; one run for all; one for each.
BOOST_DEFINE_ENUM_CLASS(CatchUp, skip, once, all)
/// How a webhook proves who sent it.
BOOST_DEFINE_ENUM_CLASS(WebhookScheme, none, github, stripe, slack, generic)

/// Exactly one of `cron` and `every` is set.
struct TimerTrigger {
  std::optional<std::string> cron;       ///< Five fields, or six with seconds in front.
  std::optional<Millis> every;           ///< From one firing to the next.
  std::optional<std::string> time_zone;  ///< Of the tz database; absent: UTC.
  std::optional<Millis> jitter;          ///< Each firing is late by a part of it that its time determines.
  CatchUp catch_up = CatchUp::skip;
  bool at_start = false;  ///< Fires once when the stream is declared.

  bool operator==(const TimerTrigger&) const = default;
};
BOOST_DESCRIBE_STRUCT(TimerTrigger, (), (cron, every, time_zone, jitter, catch_up, at_start))

struct WebhookTrigger {
  WebhookScheme scheme = WebhookScheme::generic;
  std::vector<std::string> secrets;               ///< Names of variables; any of them may have signed.
  std::optional<Millis> tolerance;                ///< Age of a signed timestamp; absent: 5 minutes.
  std::optional<std::string> signature_header;    ///< generic: absent: X-Hillstar-Signature.
  std::optional<std::string> idempotency_header;  ///< Absent: that of the scheme, else Idempotency-Key.

  bool operator==(const WebhookTrigger&) const = default;
};
BOOST_DESCRIBE_STRUCT(WebhookTrigger, (), (scheme, secrets, tolerance, signature_header, idempotency_header))

/// Members that are set must all match.
struct EventTrigger {
  std::vector<std::string> types;       ///< Names of events, as in records.
  std::optional<std::string> workflow;  ///< Of runs of this workflow,
  std::optional<std::string> stream;    ///< of this stream,
  std::optional<std::string> node;      ///< about this node.
  std::optional<std::uint32_t> depth;   ///< Runs that may cause one another; absent: 8.

  bool operator==(const EventTrigger&) const = default;
};
BOOST_DESCRIBE_STRUCT(EventTrigger, (), (types, workflow, stream, node, depth))

struct FileTrigger {
  std::string folder;                  ///< Relative ones start at the workspace.
  std::optional<std::string> pattern;  ///< `*.csv`; absent: all.
  std::optional<Millis> settle;        ///< A file counts once it has not changed for so long; absent: 2 s.

  bool operator==(const FileTrigger&) const = default;
};
BOOST_DESCRIBE_STRUCT(FileTrigger, (), (folder, pattern, settle))

/// What of a stream's ended runs is kept: those that any of the set members keeps. None set: all.
struct Retention {
  std::optional<std::uint32_t> runs;   ///< The newest so many.
  std::optional<Millis> age;           ///< Those that ended since.
  std::optional<std::uint64_t> bytes;  ///< The newest, as long as their records are no more than this.

  bool operator==(const Retention&) const = default;
};
BOOST_DESCRIBE_STRUCT(Retention, (), (runs, age, bytes))

/// What a stream may use up; what would be more is refused.
struct Quota {
  std::optional<std::uint32_t> runs_per_hour;  ///< Accepted in the last 60 minutes.
  std::optional<std::uint32_t> runs_per_day;   ///< Accepted in the last 24 hours.
  std::optional<MicroUsd> cost_per_day;        ///< Spent by its runs on one day (UTC).
  std::optional<std::uint64_t> stored_bytes;   ///< Of the records of its runs.

  bool operator==(const Quota&) const = default;
};
BOOST_DESCRIBE_STRUCT(Quota, (), (runs_per_hour, runs_per_day, cost_per_day, stored_bytes))

struct EntryPoint {
  std::string id;  ///< Unique in its workflow. Its stream is called `workflow/id`.
  std::optional<std::string> name;
  TriggerKind trigger = TriggerKind::manual;
  std::optional<TimerTrigger> timer;  ///< The one that `trigger` names is set; none for manual, api and workflow.
  std::optional<WebhookTrigger> webhook;
  std::optional<EventTrigger> event;
  std::optional<FileTrigger> file;
  Isolation isolation = Isolation::isolated;
  std::uint32_t priority = 10;        ///< 1 to 100: turns among streams, and at a backend.
  std::uint32_t max_concurrent = 10;  ///< Runs under way at once.
  std::uint32_t max_queued = 1000;    ///< Runs that wait for one of them to end.
  Overflow overflow = Overflow::reject;
  Overlap overlap = Overlap::queue;
  std::optional<std::string> dedupe;  ///< Template of a key: a second trigger with the same key is the same run.
  std::optional<Millis> timeout;      ///< From acceptance to the end of a run.
  std::optional<MicroUsd> budget;     ///< Of one run.
  std::optional<Retention> retention = {};
  std::optional<Quota> quota = {};
  std::optional<Json> inputs = {};  ///< Object of templates over `{{ trigger... }}`; absent: inputs by name.

  bool operator==(const EntryPoint&) const = default;
};
BOOST_DESCRIBE_STRUCT(EntryPoint, (),
                      (id, name, trigger, timer, webhook, event, file, isolation, priority, max_concurrent, max_queued,
                       overflow, overlap, dedupe, timeout, budget, retention, quota, inputs))

}  // namespace hillstar
