// SPDX-License-Identifier: Apache-2.0
// What the messages between actors hold. Include actors/handles.hpp, which says who sends them to whom.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "actors/child_messages.hpp"
#include "actors/engine.hpp"
#include "actors/handles.hpp"
#include "actors/kept_parts.hpp"
#include "actors/reply.hpp"
#include "messages/commands.hpp"
#include "messages/events.hpp"
#include "messages/inputs.hpp"
#include "messages/model.hpp"
#include "persistence/event_store.hpp"
#include "providers/rate_limits.hpp"
#include "runtime/run/state.hpp"
#include "runtime/tools/tool.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::actors {

// -- event log ----------------------------------------------------------------------------------------

using EventBatch = std::shared_ptr<const std::vector<Recorded>>;

struct AppendEvents {
  persistence::Append append;
  EventBatch events;  ///< The same records, decoded, for the feed.
  LogWriter writer;
};
struct FlushBatch {};
struct WatchRun {
  RunId run;
  Subscriber subscriber;  ///< Gets WatchStands.
  FeedActor feed;         ///< Gets Committed.
};
struct UnwatchRun {
  RunId run;
};
struct WatchLog {
  std::uint64_t ticket = 0;
  CommitCallback callback;
  Reply<std::uint64_t> reply;
};
struct UnwatchLog {
  std::uint64_t ticket = 0;
  Reply<bool> reply;
};

struct Housework {
  std::function<Result<bool>()> step;
  Reply<bool> reply;
};
struct DoHousework {};

// -- run ----------------------------------------------------------------------------------------------

/// A StartRun whose texts are blobs already.
struct Birth {
  StartRun request;
  std::string workflow_sha256;
  std::string plan_sha256;
  std::shared_ptr<const run::PlanIndex> index;
  std::shared_ptr<const policy::Routes> routes;  ///< Null: the plan calls no model.
  std::string routes_sha256;
  std::shared_ptr<const policy::DataGuard> guard;  ///< Null: no data would leave its clearance.
  std::string rules_sha256;                        ///< Empty: nobody gave any.
  bool air_gapped = false;
};
struct TellRun {
  RunId run;
  Input input;
  Reply<std::vector<Event>> reply;
};
struct BeginRun {
  std::shared_ptr<const Birth> birth;  ///< Null: the history says it all.
  Reply<RunId> reply;                  ///< Answered once RunStarted is durable; empty for a recovery.
  std::optional<TellRun> told = {};    ///< What a person said of a run that nobody had in hand.
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
struct DeadlineDue {};
struct GraceOver {
  AttemptRef ref;
};
struct SetEnvironment {
  RunId run;
  std::vector<std::string> environment;
  policy::Redactor redactor;  ///< Of the secrets in it; set by the supervisor.
  Reply<bool> reply;
};
struct StopRun {};

// -- node ---------------------------------------------------------------------------------------------

struct Attempt {
  ExecuteNode command;
  std::shared_ptr<const workflow::PlanNode> node;
  Json model_config;
  Json provider_config;
  std::optional<workflow::Budget> budget;
  std::shared_ptr<const tools::RunContext> run;
  std::shared_ptr<const ChildFrame> frame = {};  ///< Of a node that runs another workflow.
  std::uint64_t seq = 0;                         ///< The same: of the event that the attempt follows from.
};
/// The attempt that was cancelled is to end at once.
struct EndNow {
  AttemptRef ref;
};
struct JobDone {
  NodeOutcome outcome;
};
using ModelAnswer = std::variant<ModelReply, Failure, AttemptCancelled, AttemptLost, BudgetRefused>;
struct ModelDone {
  AttemptRef ref;
  ModelAnswer answer;
  std::string partial;  ///< Text received before a failure: kept as evidence.
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
  bool script = false;  ///< Which of the two bounds the job counted against.
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
  providers::RateHints hints = {};
  unsigned status = 0;  ///< Of the HTTP reply; 0: there was none.
};
struct PoolWake {};
struct CallSettled {
  std::string workflow;
  std::uint64_t ticket = 0;
  MicroUsd spent;
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
  Reply<bool> reply;  ///< Answered once the callback will not be called again.
};
struct WatchStands {};
struct ReadHistory {};
struct LiveItem {
  EventBatch events;  ///< One of them is set.
  std::shared_ptr<const Progress> progress;
  std::shared_ptr<const RunParked> parked;
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
  Reply<bool> reply;  ///< Answered when no run actor lives any more.
};
/// `told`: how many messages of its supervisor the run actor has seen. If there were more, it is still needed.
struct SleepAsked {
  RunId run;
  std::uint64_t told = 0;
  std::optional<UtcTime> due;  ///< As Summary::due.
  bool waits_turn = false;     ///< In the queue of its stream.
  KeptParts kept;
};
struct Sleep {
  bool granted = false;
  std::uint64_t told = 0;  ///< Of the question: an older one's answer says nothing about the last one.
};
struct WakeDue {};
struct ClockLook {};
/// The clock was set, or the machine was asleep: the time that is left until an hour of the day is another.
struct ClockMoved {};

}  // namespace hillstar::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::AppendEvents)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::FlushBatch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::WatchRun)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::UnwatchRun)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::WatchLog)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::UnwatchLog)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::Housework)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::DoHousework)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::BeginRun)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::Appended)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::AttemptEnded)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::TimerDue)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::DeadlineDue)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::GraceOver)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::TellRun)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::SetEnvironment)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::StopRun)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::Attempt)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::CancelNode)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::EndNow)
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
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::CallSettled)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::Committed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::Progress)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::RunParked)
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
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::SleepAsked)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::Sleep)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::WakeDue)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::ClockLook)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::ClockMoved)
