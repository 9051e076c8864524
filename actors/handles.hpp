// SPDX-License-Identifier: Apache-2.0
// The typed protocol of every actor, in one file. Only actors/ includes it.
//
// All messages are one-way: an answer is another message. Nothing here crosses a machine, so messages are plain structs.
// Who talks to whom: actors/README.md.
#pragma once

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "actors/engine.hpp"
#include "actors/reply.hpp"
#include "messages/commands.hpp"
#include "messages/events.hpp"
#include "messages/inputs.hpp"
#include "messages/model.hpp"
#include "persistence/event_store.hpp"
#include "runtime/run/state.hpp"
#include "runtime/tools/tool.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::actors {

struct AppendEvents;
struct FlushBatch;
struct WatchRun;
struct UnwatchRun;
struct BeginRun;
struct Appended;
struct AttemptEnded;
struct TimerDue;
struct GraceOver;
struct TellRun;
struct SetEnvironment;
struct StopRun;
struct Attempt;
struct JobDone;
struct ModelDone;
struct RunJob;
struct WithdrawJob;
struct JobQueueOver;
struct SlotFreed;
struct CallModel;
struct CancelModel;
struct CallQueueOver;
struct CallEnded;
struct Committed;
struct Follow;
struct Unfollow;
struct WatchStands;
struct ReadHistory;
struct LiveItem;
struct CutOff;
struct StopSubscriber;
struct StartRequest;
struct RestartRun;
struct ListLive;
struct StopAll;

/// The store's only writer.
using EventLog = caf::typed_actor<caf::reacts_to<AppendEvents>,  // queue for the next commit
                                  caf::reacts_to<FlushBatch>,    // to itself: commit what is queued
                                  caf::reacts_to<WatchRun>,      // hand the run's commits to the feed from now on
                                  caf::reacts_to<UnwatchRun>>;   // undo one WatchRun

/// One run: steps its inputs, has the facts appended, acts on them after the ack.
using RunActor = caf::typed_actor<caf::reacts_to<BeginRun>,        // start, or fold the history and go on
                                  caf::reacts_to<Appended>,        // the batch in flight is durable (or refused)
                                  caf::reacts_to<AttemptEnded>,    // a node's one answer
                                  caf::reacts_to<TimerDue>,        // a retry is due
                                  caf::reacts_to<GraceOver>,       // a cancelled attempt had its time
                                  caf::reacts_to<TellRun>,         // what a person said
                                  caf::reacts_to<SetEnvironment>,  // for attempts from now on
                                  caf::reacts_to<StopRun>>;        // the engine stops

/// One attempt at a time, of any node of its run.
using NodeActor = caf::typed_actor<caf::reacts_to<Attempt>,     // execute; answered by one AttemptEnded
                                   caf::reacts_to<CancelNode>,  // stop it; answered by the same AttemptEnded
                                   caf::reacts_to<JobDone>,     // from a slot
                                   caf::reacts_to<ModelDone>>;  // from a provider pool

/// Which blocking jobs run on this machine, and which wait.
using ToolSlots = caf::typed_actor<caf::reacts_to<RunJob>,        // answered by one JobDone to the job's node
                                   caf::reacts_to<WithdrawJob>,   // out of the queue, if it still waits
                                   caf::reacts_to<JobQueueOver>,  // to itself: the queue timeout of a job
                                   caf::reacts_to<SlotFreed>>;    // a worker is idle again

/// A thread that runs one job at a time.
using JobWorker = caf::typed_actor<caf::reacts_to<RunJob>>;

/// One backend: admission and transport. Also the directory in front of them, which speaks the same protocol.
using ProviderPool = caf::typed_actor<caf::reacts_to<CallModel>,      // answered by one ModelDone to the call's node
                                      caf::reacts_to<CancelModel>,    // withdraw or abort
                                      caf::reacts_to<CallQueueOver>,  // to itself: the queue timeout of a call
                                      caf::reacts_to<CallEnded>>;     // from the transport's thread

/// Hands durable events and progress to the subscribers of each run.
using FeedActor = caf::typed_actor<caf::reacts_to<Committed>,  // from the event log, watched runs only
                                   caf::reacts_to<Progress>,   // from nodes, only while somebody follows
                                   caf::reacts_to<Follow>, caf::reacts_to<Unfollow>>;

/// One follower: history from the store, then live, in order; on a thread of its own.
using Subscriber = caf::typed_actor<caf::reacts_to<WatchStands>,  // from the event log: what comes later, the feed brings
                                    caf::reacts_to<ReadHistory>,  // to itself: the next page
                                    caf::reacts_to<LiveItem>, caf::reacts_to<CutOff>, caf::reacts_to<StopSubscriber>>;

/// Which run actors live.
using Supervisor = caf::typed_actor<caf::reacts_to<StartRequest>, caf::reacts_to<RestartRun>,
                                    caf::reacts_to<TellRun>, caf::reacts_to<SetEnvironment>, caf::reacts_to<ListLive>,
                                    caf::reacts_to<StopAll>>;

// -- event log ----------------------------------------------------------------------------------------

using EventBatch = std::shared_ptr<const std::vector<Recorded>>;

struct AppendEvents {
  persistence::Append append;
  EventBatch events;               ///< The same records, decoded, for the feed.
  RunActor writer;
};
struct FlushBatch {};
struct WatchRun {
  RunId run;
  Subscriber subscriber;           ///< Gets WatchStands.
  FeedActor feed;                  ///< Gets Committed.
};
struct UnwatchRun {
  RunId run;
};

// -- run ----------------------------------------------------------------------------------------------

/// A StartRun whose texts are blobs already.
struct Birth {
  StartRun request;
  std::string workflow_sha256;
  std::string plan_sha256;
  std::shared_ptr<const run::PlanIndex> index;
};
struct BeginRun {
  std::shared_ptr<const Birth> birth;   ///< Null: the history says it all.
  Reply<RunId> reply;                   ///< Answered once RunStarted is durable; empty for a recovery.
};
struct Appended {
  std::uint64_t version = 0;
  bool conflict = false;
};
struct AttemptEnded {
  NodeOutcome outcome;
};
struct TimerDue {
  AttemptRef ref;
};
struct GraceOver {
  AttemptRef ref;
};
struct TellRun {
  RunId run;
  Input input;
  Reply<std::vector<Event>> reply;
};
struct SetEnvironment {
  RunId run;
  std::vector<std::string> environment;
  Reply<bool> reply;
};
struct StopRun {};

// -- node ---------------------------------------------------------------------------------------------

struct Attempt {
  ExecuteNode command;
  std::shared_ptr<const workflow::PlanNode> node;
  Json model_config;
  std::shared_ptr<const tools::RunContext> run;
};
struct JobDone {
  NodeOutcome outcome;
};
using ModelAnswer = std::variant<ModelReply, Failure, AttemptCancelled, AttemptLost>;
struct ModelDone {
  AttemptRef ref;
  ModelAnswer answer;
  std::string partial;             ///< Text received before a failure: kept as evidence.
};

// -- slots --------------------------------------------------------------------------------------------

class Job;
using JobPtr = std::shared_ptr<Job>;
struct RunJob {
  JobPtr job;
};
struct WithdrawJob {
  JobPtr job;
};
struct JobQueueOver {
  JobPtr job;
};
struct SlotFreed {
  JobWorker worker;
  bool script = false;             ///< Which of the two bounds the job counted against.
};

// -- providers ----------------------------------------------------------------------------------------

class ModelCall;
using ModelCallPtr = std::shared_ptr<ModelCall>;
struct CallModel {
  ModelCallPtr call;
};
struct CancelModel {
  ModelCallPtr call;
};
struct CallQueueOver {
  ModelCallPtr call;
};
struct CallEnded {
  ModelCallPtr call;
  std::variant<ModelReply, Failure> result;
  std::string partial;
};

// -- feed ---------------------------------------------------------------------------------------------

struct Committed {
  RunId run;
  EventBatch events;
};
struct Follow {
  std::uint64_t ticket = 0;
  RunId run;
  std::uint64_t from_seq = 1;
  FeedCallback callback;
  Reply<std::uint64_t> reply;
};
struct Unfollow {
  std::uint64_t ticket = 0;
  Reply<bool> reply;               ///< Answered once the callback will not be called again.
};
struct WatchStands {};
struct ReadHistory {};
struct LiveItem {
  EventBatch events;                          ///< Null: it is progress.
  std::shared_ptr<const Progress> progress;
};
struct CutOff {};
struct StopSubscriber {
  Reply<bool> reply;
};

// -- supervisor ---------------------------------------------------------------------------------------

struct StartRequest {
  std::shared_ptr<StartRun> request;
  Reply<RunId> reply;
};
struct RestartRun {
  RunId run;
};
struct ListLive {
  Reply<std::vector<RunId>> reply;
};
struct StopAll {
  Reply<bool> reply;               ///< Answered when no run actor lives any more.
};

}  // namespace hillstar::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::AppendEvents)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::FlushBatch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::WatchRun)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::UnwatchRun)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::BeginRun)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::Appended)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::AttemptEnded)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::TimerDue)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::GraceOver)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::TellRun)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::SetEnvironment)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::StopRun)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::Attempt)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::CancelNode)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::JobDone)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::ModelDone)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::RunJob)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::WithdrawJob)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::JobQueueOver)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::SlotFreed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::CallModel)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::CancelModel)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::CallQueueOver)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::CallEnded)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::Committed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::Progress)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::Follow)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::Unfollow)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::WatchStands)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::ReadHistory)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::LiveItem)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::CutOff)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::StopSubscriber)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::StartRequest)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::RestartRun)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::ListLive)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::StopAll)
