// SPDX-License-Identifier: Apache-2.0
// Facts about a run, past tense. What recovery and the audit need, nothing else.
//
// A field is never renamed, retyped or reused. A new field is optional with `Since x.y`; a new shape is a
// new record version plus an upcaster (persistence/upcast.hpp) plus a history in tests/compat.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "messages/failure.hpp"
#include "messages/governance_events.hpp"
#include "messages/ids.hpp"
#include "messages/state_events.hpp"
#include "messages/stream_events.hpp"
#include "messages/talk_events.hpp"
#include "messages/units.hpp"
#include "messages/value.hpp"
#include "messages/worker_events.hpp"

namespace hillstar {

/// Tokens and money of one model call. Counts are what the provider reported.
struct Usage {
  std::uint64_t input_tokens = 0;
  std::uint64_t output_tokens = 0;
  std::optional<std::uint64_t> cached_tokens;
  std::optional<std::uint64_t> reasoning_tokens;
  MicroUsd cost;
  std::optional<std::uint64_t> cache_write_tokens = {};  ///< Of the input: written to a cache, at a price of its own.

  bool operator==(const Usage&) const = default;
};
BOOST_DESCRIBE_STRUCT(Usage, (),
                      (input_tokens, output_tokens, cached_tokens, reasoning_tokens, cost, cache_write_tokens))

// -- the run ----------------------------------------------------------------------------------------

/// First event of every history.
struct RunStarted {
  WorkflowId workflow;
  std::string workflow_file;             ///< Path as typed; empty if it came over an API.
  std::string workflow_sha256;           ///< Blob: the author's text.
  std::string plan_sha256;               ///< Blob: the compiled plan, so that a newer compiler changes nothing.
  Json inputs;                           ///< Values of the run's inputs, defaults filled in.
  std::string workspace;                 ///< Absolute path; relative paths of tools start here.
  std::string output_dir;                ///< Absolute path of Hillstar's files; empty: none are written.
  std::vector<std::string> allow_paths;  ///< Absolute folders outside the workspace that file tools may use.
  std::optional<Origin> parent;          ///< Set for a fork.
  std::string started_by;                ///< Login name of the person.
  std::string engine;                    ///< Version and build of the program that started the run.
  std::optional<std::string> routes_sha256 = {};  ///< Blob: where its model calls may go, and at what prices.
  std::optional<std::uint32_t> priority = {};     ///< 1 to 100: turns at a backend, against other runs; absent: 10.
  bool air_gapped = false;                        ///< It may talk to declared endpoints only.
  std::optional<std::string> rules_sha256 = {};   ///< Blob: the rules of whoever runs it; absent: nobody gave any.
  std::optional<Trigger> trigger = {};            ///< Absent: a person started it by itself.
  std::map<std::string, std::string> labels = {};
  std::optional<std::string> correlation = {};   ///< Ties runs together; whoever starts them chooses it.
  std::optional<UtcTime> deadline = {};          ///< It must have ended by then.
  std::optional<MicroUsd> budget = {};           ///< What it may cost, if that is less than the workflow says.
  std::optional<Isolation> isolation = {};       ///< The shared state that it sees; absent: its own only.
  std::optional<std::string> state_stream = {};  ///< Whose state it shares, if not that of its trigger's stream.
};
BOOST_DESCRIBE_STRUCT(RunStarted, (),
                      (workflow, workflow_file, workflow_sha256, plan_sha256, inputs, workspace, output_dir,
                       allow_paths, parent, started_by, engine, routes_sha256, priority, air_gapped, rules_sha256,
                       trigger, labels, correlation, deadline, budget, isolation, state_stream))

/// Nothing new starts until RunResumed.
struct RunPaused {
  std::string reason;
  std::optional<NodeId> node;  ///< The lost attempt that a person must settle, if that is why.
  bool interrupted = false;    ///< Attempts in flight are stopped too; they run again after RunResumed.
};
BOOST_DESCRIBE_STRUCT(RunPaused, (), (reason, node, interrupted))

struct RunResumed {
  std::string who;
  std::optional<MicroUsd> budget = {};  ///< What the run may cost from now on, in all.
};
BOOST_DESCRIBE_STRUCT(RunResumed, (), (who, budget))

struct CancelRequested {
  std::string who;
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(CancelRequested, (), (who, reason))

struct RunCompleted {
  std::uint32_t failed_nodes = 0;  ///< Failures that `on_error` tolerated.
};
BOOST_DESCRIBE_STRUCT(RunCompleted, (), (failed_nodes))

struct RunFailed {
  Failure failure;
  std::optional<NodeId> node;  ///< First failed node in order of events.
};
BOOST_DESCRIBE_STRUCT(RunFailed, (), (failure, node))

struct RunCancelled {
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(RunCancelled, (), (reason))

/// A loop used up its attempts without meeting its condition.
struct LoopExhausted {
  std::string loop;
  std::uint32_t attempts = 0;
};
BOOST_DESCRIBE_STRUCT(LoopExhausted, (), (loop, attempts))

// -- a node; `item` is the index of a map item, absent for plain nodes and for the map as a whole ------

/// The node's result was taken over from the parent of a fork, or from a checkpoint file.
struct NodeInherited {
  NodeId node;
  Value result;
  std::vector<bool> tests;       ///< As in NodeCompleted.
  std::optional<Origin> origin;  ///< Absent if it came from a file.
  bool edited = false;           ///< A person changed the result (`fork --set`).
};
BOOST_DESCRIBE_STRUCT(NodeInherited, (), (node, result, tests, origin, edited))

/// Where an attempt of a model call goes, and the most that it may cost.
struct Reservation {
  std::string provider;
  std::string model;            ///< As it is sent.
  std::string backend;          ///< Key of its pool.
  std::uint32_t candidate = 0;  ///< Its place among those that the node may go to.
  std::uint64_t tokens = 0;     ///< Request and reply together, at most; 0: not counted, since there is no price.
  MicroUsd cost;

  bool operator==(const Reservation&) const = default;
};
BOOST_DESCRIBE_STRUCT(Reservation, (), (provider, model, backend, candidate, tokens, cost))

/// An attempt may now be made. Durable before anything outside can see the attempt.
struct NodeScheduled {
  NodeId node;
  std::optional<std::uint32_t> item;
  std::uint32_t attempt = 1;
  std::optional<Reservation> call = {};  ///< Of a model call; of a run of its own: its cost alone.
  bool granted = false;                  ///< The workflow's permission for the node is `always`, in so many words.
};
BOOST_DESCRIBE_STRUCT(NodeScheduled, (), (node, item, attempt, call, granted))

/// The list of a map is known; its items may be scheduled.
struct MapExpanded {
  NodeId node;
  std::uint32_t attempt = 1;
  std::uint32_t count = 0;
  Value items;                                ///< A JSON array of `count` elements.
  std::optional<std::uint64_t> longest = {};  ///< Bytes of the longest of them, as JSON.
};
BOOST_DESCRIBE_STRUCT(MapExpanded, (), (node, attempt, count, items, longest))

struct NodeCompleted {
  NodeId node;
  std::optional<std::uint32_t> item;
  std::uint32_t attempt = 1;
  Value result;             ///< Null for a map as a whole: its items hold the results.
  std::vector<bool> tests;  ///< Verdicts of PlanNode::tests on this result, in their order.
  std::optional<Usage> usage;
  std::optional<Json> detail;          ///< What a model call used: model, request id, fingerprint, finish reason.
  std::optional<MadeBy> made_by = {};  ///< Absent: the host itself.
};
BOOST_DESCRIBE_STRUCT(NodeCompleted, (), (node, item, attempt, result, tests, usage, detail, made_by))

struct NodeAttemptFailed {
  NodeId node;
  std::optional<std::uint32_t> item;
  std::uint32_t attempt = 1;
  Failure failure;
  Value result;                     ///< What the attempt left, such as the output of a failed script.
  std::optional<UtcTime> retry_at;  ///< Present: another attempt follows then.
  std::optional<Usage> usage;       ///< A failed call may cost money too.
  std::optional<Json> detail = {};  ///< Of a model call that was sent: to whom, and what was reserved for it.
  std::optional<std::uint32_t> next_candidate = {};  ///< Present: another attempt follows, and goes there.
  std::optional<std::string> next_provider = {};     ///< Of that place.
  bool repair = false;                 ///< Another attempt follows at once, and asks the model to mend its reply.
  std::optional<MadeBy> made_by = {};  ///< As in NodeCompleted.
};
BOOST_DESCRIBE_STRUCT(NodeAttemptFailed, (),
                      (node, item, attempt, failure, result, retry_at, usage, detail, next_candidate, next_provider,
                       repair, made_by))

/// The wait before another attempt is over; it starts when a slot is free.
struct NodeRetryDue {
  NodeId node;
  std::optional<std::uint32_t> item;
  std::uint32_t attempt = 1;  ///< The attempt that failed.
};
BOOST_DESCRIBE_STRUCT(NodeRetryDue, (), (node, item, attempt))

/// Nobody saw the end of the attempt.
struct NodeAttemptLost {
  NodeId node;
  std::optional<std::uint32_t> item;
  std::uint32_t attempt = 1;
  std::optional<Json> detail = {};     ///< Of a model call that was sent: what is known of it.
  std::optional<MadeBy> made_by = {};  ///< As in NodeCompleted: the machine that was to make it, if that is known.
};
BOOST_DESCRIBE_STRUCT(NodeAttemptLost, (), (node, item, attempt, detail, made_by))

/// The attempt was stopped on request, or not made at all; the node may be scheduled again.
struct NodeCancelled {
  NodeId node;
  std::optional<std::uint32_t> item;
  std::uint32_t attempt = 1;
  bool unsent = false;              ///< A model call that never left: it cost nothing.
  std::optional<Json> detail = {};  ///< Of a model call that was sent: what is known of it. Of a run of its own: which.
  std::optional<Usage> usage = {};  ///< Of a run of its own that has ended.
  std::optional<MadeBy> made_by = {};  ///< As in NodeCompleted.
};
BOOST_DESCRIBE_STRUCT(NodeCancelled, (), (node, item, attempt, unsent, detail, usage, made_by))

/// No further attempt follows. What it means for the run says PlanNode::on_error.
struct NodeFailed {
  NodeId node;
  std::optional<std::uint32_t> item;
  Failure failure;
};
BOOST_DESCRIBE_STRUCT(NodeFailed, (), (node, item, failure))

BOOST_DEFINE_ENUM_CLASS(SkipReason, loop_done, condition, dependency)

struct NodeSkipped {
  NodeId node;
  SkipReason reason = SkipReason::condition;
  std::optional<NodeId> because;  ///< The failed dependency.
};
BOOST_DESCRIBE_STRUCT(NodeSkipped, (), (node, reason, because))

/// `state.checkpoints` names this node: the state here has a name, its sequence number.
struct CheckpointReached {
  NodeId node;
};
BOOST_DESCRIBE_STRUCT(CheckpointReached, (), (node))

/// A person settled a lost attempt of a node whose effect is `once`.
BOOST_DEFINE_ENUM_CLASS(Settlement, run_again, failed)
struct NodeResolved {
  NodeId node;
  std::optional<std::uint32_t> item;
  std::uint32_t attempt = 1;
  Settlement settlement = Settlement::run_again;
  std::string who;
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(NodeResolved, (), (node, item, attempt, settlement, who, reason))

/// What a budget is of: one node (or item of a map), the run, all runs of the workflow, or those of one day.
BOOST_DEFINE_ENUM_CLASS(BudgetScope, node, run, workflow, day)

/// An attempt may cost more than is left. What it means for the run says Budget::pause of the plan.
struct BudgetExhausted {
  NodeId node;
  std::optional<std::uint32_t> item;
  BudgetScope scope = BudgetScope::run;
  MicroUsd limit;
  MicroUsd spent;   ///< Ends that nobody saw count with all that was reserved for them.
  MicroUsd needed;  ///< What the attempt may cost at most.
};
BOOST_DESCRIBE_STRUCT(BudgetExhausted, (), (node, item, scope, limit, spent, needed))

/// Order is part of nothing: records name their type.
using Event =
    std::variant<RunStarted, RunPaused, RunResumed, CancelRequested, RunCompleted, RunFailed, RunCancelled,
                 LoopExhausted, NodeInherited, NodeScheduled, MapExpanded, NodeCompleted, NodeAttemptFailed,
                 NodeAttemptLost, NodeCancelled, NodeFailed, NodeSkipped, CheckpointReached, ApprovalRequested,
                 ApprovalAnswered, NodeResolved, NodeRetryDue, BudgetExhausted, ConnectionAttempted, RunQueued,
                 RunAdmitted, RunDeadlinePassed, RunTimedOut, SignalReceived, InputRequested, InputProvided,
                 SignalAwaited, NodeDeadlinePassed, StreamDeclared, StreamHeld, StreamReleased, StreamRemoved,
                 TimerFired, CursorMoved, StateOpened, StateChanged, NodeWaitsForPlace>;

/// An event with its place in a history.
struct Recorded {
  std::uint64_t seq = 0;  ///< 1, 2, 3, ... without a gap.
  UtcTime at;
  Event event;
};

/// `node_completed`: the name of the event's type in records and exports.
std::string_view type_name(const Event& event);
/// The node an event is about, or nullptr.
const NodeId* node_of(const Event& event);

}  // namespace hillstar
