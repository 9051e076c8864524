// SPDX-License-Identifier: Apache-2.0
// The typed protocol of every actor, in one file. What the messages hold: actors/local_messages.hpp.
//
// All messages are one-way: an answer is another message. Nothing here crosses a machine, so messages are plain
// structs. Who talks to whom: actors/README.md.
#pragma once

#include <caf/replies_to.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/engine.hpp"
#include "actors/wire/wire.hpp"
#include "messages/commands.hpp"

namespace hillstar::actors {

struct AppendEvents;
struct FlushBatch;
struct WatchRun;
struct UnwatchRun;
struct WatchLog;
struct UnwatchLog;
struct Housework;
struct DoHousework;
struct BeginRun;
struct Appended;
struct AttemptEnded;
struct TimerDue;
struct DeadlineDue;
struct GraceOver;
struct TellRun;
struct SetEnvironment;
struct StopRun;
struct Attempt;
struct EndNow;
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
struct PoolWake;
struct CallSettled;
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
struct OpenStreams;
struct OfferRun;
struct RunMoved;
struct OfferAnswered;
struct CallerOver;
struct TellStream;
struct DeclareRequest;
struct ListStreams;
struct AskStatus;
struct StreamTold;
struct LeaveStream;
struct EndChain;
struct CountAgain;
struct SleepAsked;
struct Sleep;
struct WakeDue;
struct ClockLook;
struct ClockMoved;
struct AskScope;
struct StateDone;
struct LeaveStates;
struct OpenChildren;
struct RunChild;
struct HaltChild;
struct HoldChild;
struct ChildMoved;
struct ChildStarted;
struct ChildTold;
struct ChildAnswered;
struct PlaceAttempt;
struct WithdrawPlaced;
struct AttemptKept;
struct ReportHere;
struct ListWorkers;
struct TellWorker;
struct WorkersTick;
struct KeptDue;
struct UseClaimKey;
struct UseAuthority;
struct CertificateMade;

/// Whoever writes a history.
using LogWriter = caf::typed_actor<caf::reacts_to<Appended>>;

/// The store's only writer.
using EventLog = caf::typed_actor<caf::reacts_to<AppendEvents>,  // queue for the next commit
                                  caf::reacts_to<FlushBatch>,    // to itself: commit what is queued
                                  caf::reacts_to<WatchRun>,      // hand the run's commits to the feed from now on
                                  caf::reacts_to<UnwatchRun>,    // undo one WatchRun
                                  caf::reacts_to<WatchLog>,      // tell of every commit from now on
                                  caf::reacts_to<UnwatchLog>,    // undo it
                                  caf::reacts_to<Housework>,     // work on the store that only this thread may do
                                  caf::reacts_to<DoHousework>>;  // to itself: a bit of it

/// One run: steps its inputs, has the facts appended, acts on them after the ack.
using RunActor = caf::typed_actor<caf::reacts_to<BeginRun>,        // start, or fold the history and go on
                                  caf::reacts_to<Appended>,        // the batch in flight is durable (or refused)
                                  caf::reacts_to<AttemptEnded>,    // a node's one answer
                                  caf::reacts_to<TimerDue>,        // a retry is due
                                  caf::reacts_to<DeadlineDue>,     // the run's time may be over
                                  caf::reacts_to<PlaceMissing>,    // an attempt waits for a machine
                                  caf::reacts_to<GraceOver>,       // a cancelled attempt had its time
                                  caf::reacts_to<TellRun>,         // what a person said
                                  caf::reacts_to<SetEnvironment>,  // for attempts from now on
                                  caf::reacts_to<ClockMoved>,      // waits for a time of day are other waits now
                                  caf::reacts_to<Sleep>,           // nobody needs it for now: it may leave memory
                                  caf::reacts_to<StopRun>>;        // the engine stops

/// Whoever has attempts made: a run actor, or on a worker the side that answers the host.
using AttemptOwner = caf::typed_actor<caf::reacts_to<AttemptEnded>, caf::reacts_to<PlaceMissing>>;

/// One attempt at a time, of any node of its run.
using NodeActor = caf::typed_actor<caf::reacts_to<Attempt>,        // execute; answered by one AttemptEnded
                                   caf::reacts_to<CancelNode>,     // stop it; answered by the same AttemptEnded
                                   caf::reacts_to<EndNow>,         // it has had time to
                                   caf::reacts_to<JobDone>,        // from a slot
                                   caf::reacts_to<ModelDone>,      // from a provider pool
                                   caf::reacts_to<StateDone>,      // from shared state
                                   caf::reacts_to<HoldNode>,       // its run of another workflow is to stand still
                                   caf::reacts_to<ChildAnswered>,  // that run has ended, or does not go on
                                   caf::reacts_to<PlaceMissing>>;  // no machine can make it at the moment

/// Which blocking jobs run on this machine, and which wait.
using ToolSlots = caf::typed_actor<caf::reacts_to<RunJob>,        // answered by one JobDone to the job's node
                                   caf::reacts_to<WithdrawJob>,   // out of the queue, if it still waits
                                   caf::reacts_to<JobQueueOver>,  // to itself: the queue timeout of a job
                                   caf::reacts_to<SlotFreed>>;    // a worker is idle again

/// Attempts that other machines make: which worker makes which, and what became of it. Owns the connections.
using WorkerDirectory =
    caf::typed_actor<caf::reacts_to<PlaceAttempt>,    // answered through its job
                     caf::reacts_to<WithdrawPlaced>,  // stop it
                     caf::reacts_to<AttemptKept>,     // its end is durable
                     caf::reacts_to<ReportHere>,      // to itself
                     caf::reacts_to<ListWorkers>, caf::reacts_to<TellWorker>,
                     caf::reacts_to<WorkersTick>,  // to itself: time passes
                     caf::reacts_to<KeptDue>,
                     caf::reacts_to<UseClaimKey>,  // from the gate
                     caf::reacts_to<UseAuthority>,
                     caf::reacts_to<CertificateMade>,  // to itself
                     caf::reacts_to<wire::PeerUp>, caf::reacts_to<wire::PeerFrame>, caf::reacts_to<wire::PeerDown>>;

/// A thread that runs one job at a time.
using JobWorker = caf::typed_actor<caf::reacts_to<RunJob>>;

/// In front of the pools: which one, and the budgets that many runs share.
using ProviderDirectory = caf::typed_actor<caf::reacts_to<CallModel>,      // as below
                                           caf::reacts_to<CancelModel>,    // as below
                                           caf::reacts_to<CallQueueOver>,  // to itself
                                           caf::reacts_to<CallSettled>>;   // what a call cost

/// One backend: admission and transport.
using ProviderPool = caf::typed_actor<caf::reacts_to<CallModel>,      // answered by one ModelDone to the call's node
                                      caf::reacts_to<CancelModel>,    // withdraw or abort
                                      caf::reacts_to<CallQueueOver>,  // to itself: the queue timeout of a call
                                      caf::reacts_to<CallEnded>,      // from the transport's thread
                                      caf::reacts_to<PoolWake>>;      // to itself: time has made room

/// Hands durable events and progress to the subscribers of each run.
using FeedActor = caf::typed_actor<caf::reacts_to<Committed>,  // from the event log, watched runs only
                                   caf::reacts_to<Progress>,   // from nodes, only while somebody follows
                                   caf::reacts_to<RunParked>,  // from a run actor or its supervisor
                                   caf::reacts_to<Follow>, caf::reacts_to<Unfollow>>;

/// One follower: history from the store, then live, in order; on a thread of its own.
using Subscriber =
    caf::typed_actor<caf::reacts_to<WatchStands>,  // from the event log: what comes later, the feed brings
                     caf::reacts_to<ReadHistory>,  // to itself: the next page
                     caf::reacts_to<LiveItem>, caf::reacts_to<CutOff>, caf::reacts_to<StopSubscriber>>;

/// Which run actors live.
using Supervisor = caf::typed_actor<caf::reacts_to<StartRequest>, caf::reacts_to<RestartRun>, caf::reacts_to<TellRun>,
                                    caf::reacts_to<SetEnvironment>, caf::reacts_to<ListLive>,
                                    caf::reacts_to<SleepAsked>,  // a run actor has nothing to do until told something
                                    caf::reacts_to<WakeDue>,     // to itself: a sleeping run's time may have come
                                    caf::reacts_to<ClockLook>,   // to itself: was the clock set?
                                    caf::reacts_to<StopAll>>;

/// Runs that are parts of other runs, for the attempts that wait for them.
using ChildRuns = caf::typed_actor<caf::reacts_to<OpenChildren>,  // the supervisor is there
                                   caf::reacts_to<RunChild>,      // answered by one ChildAnswered to the node
                                   caf::reacts_to<HaltChild>, caf::reacts_to<HoldChild>,
                                   caf::reacts_to<ChildMoved>,    // from the run: it has ended, or stops here
                                   caf::reacts_to<ChildStarted>,  // to itself: the supervisor's answer
                                   caf::reacts_to<ChildTold>>;    // to itself: the run's answer

/// One stream: which trigger becomes a run, and when it runs. The only writer of the stream's history.
using StreamActor =
    caf::typed_actor<caf::reacts_to<OfferRun>,       // answered once the run is durable, or refused
                     caf::reacts_to<OfferAnswered>,  // from the run that was offered
                     caf::reacts_to<CallerOver>,     // to itself: a caller has waited long enough
                     caf::reacts_to<RunMoved>, caf::reacts_to<TellStream>, caf::reacts_to<DeclareRequest>,
                     caf::reacts_to<AskStatus>, caf::reacts_to<Appended>, caf::reacts_to<EndChain>,
                     caf::reacts_to<CountAgain>,  // runs were removed: what the quota counts may be less
                     caf::reacts_to<LeaveStream>>;

/// All streams, by name.
using StreamDirectory =
    caf::typed_actor<caf::reacts_to<OpenStreams>,  // the supervisor is there: read what there is
                     caf::reacts_to<OfferRun>, caf::reacts_to<RunMoved>, caf::reacts_to<TellStream>,
                     caf::reacts_to<DeclareRequest>, caf::reacts_to<ListStreams>, caf::reacts_to<StreamTold>,
                     caf::reacts_to<EndChain>, caf::reacts_to<CountAgain>, caf::reacts_to<LeaveStream>>;

/// State that many runs share: one scope. The only writer of its history.
using ScopeActor = caf::typed_actor<caf::reacts_to<AskScope>,  // answered once the answer is durable
                                    caf::reacts_to<Appended>, caf::reacts_to<LeaveStates>>;

/// All of them, opened when they are needed.
using StateDirectory = caf::typed_actor<caf::reacts_to<AskScope>, caf::reacts_to<LeaveStates>>;

}  // namespace hillstar::actors

#include "actors/child_messages.hpp"          // IWYU pragma: export
#include "actors/local_messages.hpp"          // IWYU pragma: export
#include "actors/remote/worker_messages.hpp"  // IWYU pragma: export
#include "actors/state_messages.hpp"          // IWYU pragma: export
#include "actors/stream_messages.hpp"         // IWYU pragma: export
