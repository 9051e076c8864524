// SPDX-License-Identifier: Apache-2.0
// The engine: the actor tree over one store, behind calls that any thread may make. What apps/ uses.
//
// Calls block until their facts are durable, or say why not. Nothing is shown before it is durable.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "actors/worker_status.hpp"
#include "messages/error.hpp"
#include "messages/events.hpp"
#include "messages/ids.hpp"
#include "messages/inputs.hpp"
#include "persistence/event_store.hpp"
#include "providers/http/transport.hpp"
#include "providers/pool/admission.hpp"
#include "runtime/platform/clock.hpp"
#include "runtime/platform/id_source.hpp"
#include "runtime/policy/registry.hpp"
#include "runtime/telemetry/trace_context.hpp"
#include "runtime/tools/tool.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar {

struct EngineOptions {
  unsigned scheduler_threads = 0;       ///< 0: one per core.
  unsigned script_slots = 0;            ///< Blocking tools in flight on this machine; 0: one per core.
  std::uint32_t model_calls_max = 256;  ///< Model calls in flight per backend, for those without limits of their own.
  /// Limits of a backend (policy::Backend::name) in place of those of the registry; nothing: the registry's.
  std::function<std::optional<providers::PoolLimits>(const std::string& backend)> pool_limits;
  Millis cancel_grace{5'000};  ///< A cancelled attempt that has not answered by then counts as cancelled.
  tools::Catalog catalog;      ///< Empty: the standard one.
  std::shared_ptr<const policy::Registry> registry;  ///< Null: the one that comes with the program.
  /// False: an interrupted run goes on only when a person asks for it, so that one command never starts another's work.
  bool recovers_all = true;
  /// Called once for every run whose end (completed, failed, cancelled) has become durable; on an engine thread, must
  /// be quick. May be empty.
  std::function<void(const RunId&, const run::Summary&)> on_end;
  /// Runs are traced, and hand on their trace to scripts and providers; absent: only those that came with one.
  std::optional<telemetry::Sampler> tracing = {};
  bool takes_workers = false;        ///< take_workers() follows: nodes with a placement wait for it, and for workers.
  Millis worker_lost_after{10'000};  ///< A worker that was not heard of for so long is gone, and its attempts are lost.
  std::size_t warm_runs_max = 2'000;  ///< Runs that wait their turn and keep their actor meanwhile; the rest sleep.
  std::size_t follower_queue_max = 10'000;  ///< Items that may wait for a follower's callback before it is cut off.

  // What tests and embedding programs replace. Null: the machine's own.
  std::shared_ptr<const Clock> clock;
  std::shared_ptr<IdSource> ids;
  std::shared_ptr<providers::Transport> transport;
  /// A commit failed, which means "unknown": prints one line and ends the process with 74. Must not return outside
  /// tests. Called on the log's thread.
  std::function<void(const Error&)> on_fatal;
  /// One line for the operator, which begins with `error HS...` or `warning: `; stderr. Called on any thread.
  std::function<void(const std::string&)> log;
};

/// A run to start. The caller has compiled the plan and resolved the inputs.
struct StartRun {
  /// Chosen by the caller, who may then ask again without starting twice; else the engine chooses.
  std::optional<RunId> run;
  std::shared_ptr<const workflow::Plan> plan;
  std::string workflow_text;
  std::string workflow_file;
  Json inputs;
  std::string workspace;
  std::string output_dir;
  std::vector<std::string> allow_paths;
  std::vector<std::string> environment;  ///< For scripts and keys; kept in memory only.
  std::string started_by;
  std::optional<std::uint32_t> priority = {};  ///< 1 to 100; absent: 10. Turns at a backend, against other runs.
  bool air_gapped = false;                     ///< It may talk to declared endpoints only.
  std::optional<Origin> parent;                ///< For forks,
  std::vector<NodeInherited> inherited;        ///< with the results that are taken over.
  std::optional<Trigger> trigger = {};         ///< The rest as in RunStarted.
  std::map<std::string, std::string> labels = {};
  std::optional<std::string> correlation = {};
  std::optional<UtcTime> deadline = {};
  std::optional<MicroUsd> budget = {};
  std::optional<Isolation> isolation = {};
  std::optional<std::string> state_stream = {};
  std::vector<StateCell> cells = {};         ///< For forks: the run's own state.
  std::optional<std::uint64_t> ticket = {};  ///< It is accepted, and waits to be admitted.
};

/// A stream to serve. The caller has compiled the plan. As StartRun.
struct DeclareStream {
  EntryPoint entry;
  std::shared_ptr<const workflow::Plan> plan;
  std::string workflow_text;
  std::string workflow_file;
  std::string workspace;
  std::string output_dir;
  std::vector<std::string> allow_paths;
  std::string declared_by;
};

/// Something happened that a run of a stream is to be started for.
struct TriggerRun {
  std::string stream;
  TriggerKind kind = TriggerKind::api;
  std::optional<Json> inputs = {};      ///< By name; absent: the entry point makes them of `event`.
  Json event;                           ///< What `{{ trigger... }}` stands for.
  std::optional<std::string> key = {};  ///< A second trigger with it is the same run; absent: the entry point's.
  std::optional<RunId> run = {};        ///< As StartRun's.
  std::optional<UtcTime> due = {};
  std::optional<Origin> cause = {};
  std::uint32_t depth = 0;
  std::optional<std::string> trace = {};
  std::map<std::string, std::string> labels = {};
  std::optional<std::string> correlation = {};
  std::string started_by;
  /// Set before `done` is called if a quota refuses the trigger and will have room then. May be null.
  std::shared_ptr<std::optional<UtcTime>> room_at = {};
};

/// The run is durable: it will start, whatever happens to this process.
struct Accepted {
  RunId run;
  bool repeated = false;  ///< It had been accepted before.
  bool queued = false;    ///< It waits its turn.
};

/// A trigger that led to no run.
struct RefusedTrigger {
  UtcTime at;
  TriggerKind kind = TriggerKind::api;
  std::string why;
};
/// What a stream's quota counts; what it does not bound is 0.
struct QuotaUse {
  std::uint32_t runs_hour = 0;
  std::uint32_t runs_day = 0;
  MicroUsd cost_day;
  std::uint64_t stored_bytes = 0;
};

struct StreamStatus {
  RunId history;
  StreamDeclared declared;
  bool held = false;
  std::string reason;  ///< Of the hold.
  bool removed = false;
  std::uint32_t running = 0;  ///< Started, and without an end.
  std::uint32_t queued = 0;
  std::uint32_t waiting_callers = 0;  ///< Triggers that wait for room in the queue.
  std::uint64_t accepted = 0;         ///< Since this engine started, as what follows.
  std::uint64_t repeated = 0;
  std::uint64_t refused = 0;
  std::uint64_t dropped = 0;
  std::optional<UtcTime> last_due;  ///< Of a timer: the last firing that was dealt with.
  std::optional<UtcTime> declared_at;
  std::uint64_t cursor = 0;  ///< Of an event trigger: everything recorded up to this time (microseconds) was looked at.
  std::uint64_t chains_ended = 0;        ///< Events that started no run because the chain was at its depth.
  std::vector<RefusedTrigger> refusals;  ///< The last few, oldest first; since this engine started.
  std::optional<QuotaUse> quota_used;    ///< If its entry point has a quota.
};

/// A backend that was asked since this engine started.
struct PoolStatus {
  std::string backend;  ///< policy::Backend::name.
  std::uint32_t in_flight = 0;
  std::uint32_t waiting = 0;  ///< For a place, or for a limit.
  std::uint64_t calls = 0;    ///< Ended, as what follows.
  std::uint64_t failed = 0;
  MicroUsd cost;
};

/// A person looks at shared state, or changes it. Not of a run: its state is its own.
struct AskState {
  std::string stream;  ///< Empty: the store's.
  StateRequest request;
  std::string who;
};

/// Live, not durable: a piece of a model's reply or of a script's output.
struct Progress {
  RunId run;
  NodeId node;
  std::optional<std::uint32_t> item;
  std::uint32_t attempt = 1;
  std::string text;
  /// Bytes that the attempt had said before, and with it: who begins to follow late begins with a later one.
  std::uint64_t offset = 0;
  std::uint64_t end = 0;
};
/// A durable event of a followed run.
struct FeedEvent {
  RunId run;
  Recorded recorded;
};
/// The subscriber was too slow and was cut off; it resumes by following from the last sequence number it saw.
struct FeedCut {
  RunId run;
};
/// The run stops here although it has no end: a bug, an unreadable history or another writer. Its history is as it was;
/// nothing follows until somebody tells it something, or another program takes it up.
struct RunParked {
  RunId run;
  Error error;
};
using FeedItem = std::variant<FeedEvent, Progress, FeedCut, RunParked>;
/// Called on an engine thread, in order; must be quick (push to a queue).
using FeedCallback = std::function<void(const FeedItem&)>;
/// Durable events of one commit of one history, of a run or of a stream.
using CommitCallback = std::function<void(const RunId&, const std::shared_ptr<const std::vector<Recorded>>&)>;

class Engine {
 public:
  /// Spawns the actors over `store`, which must outlive the engine. Every run that is not terminal is recovered at
  /// once (paused ones stay paused), or, without EngineOptions::recovers_all, when tell() or set_environment() name it.
  /// `environment` stands in for that of recovered runs.
  static std::unique_ptr<Engine> start_up(persistence::EventStore& store, EngineOptions options,
                                          std::vector<std::string> environment);
  virtual ~Engine() = default;

  /// Returns once RunStarted is durable. run_state if the run that the request names exists.
  virtual Result<RunId> start(StartRun request) = 0;
  /// The same without blocking: `done` is called once RunStarted is durable, on an engine thread, and must be quick.
  /// What serves many clients, or measures many runs, uses this.
  virtual void start_async(StartRun request, std::function<void(Result<RunId>)> done) = 0;
  /// Everything from event `from_seq` on (1: all), history first, then live, without gap or repetition.
  /// Returns a ticket for unfollow. run_not_found if there is no such run.
  virtual Result<std::uint64_t> follow(const RunId& run, std::uint64_t from_seq, FeedCallback callback) = 0;
  virtual void unfollow(std::uint64_t ticket) = 0;
  /// Every commit from now on, of all histories; each history's in order. On the log's thread, which must not wait:
  /// for one consumer that hands on to many. What was committed before this returned can be read. Returns a ticket.
  virtual Result<std::uint64_t> watch(CommitCallback callback) = 0;
  /// Returns once the callback will not be called again.
  virtual void unwatch(std::uint64_t ticket) = 0;

  /// Tells a live run something a person said: CancelAsked, PauseAsked, ResumeAsked, ApprovalGiven, Resolved. Returns
  /// the facts it led to once they are durable; empty: it had no effect. run_state if the run is terminal.
  virtual Result<std::vector<Event>> tell(const RunId& run, Input input) = 0;
  /// Makes a stream, or changes the one of this name; returns once that is durable. The environment is the engine's.
  virtual Result<StreamStatus> declare(DeclareStream request) = 0;
  /// `done` is called once the run is durable, or refused: stream_full, stream_held, not_found, inputs_invalid. On an
  /// engine thread; must be quick.
  virtual void trigger_async(TriggerRun request, std::function<void(Result<Accepted>)> done) = 0;
  /// Holds the stream back, or lets it go on.
  virtual Result<void> hold(const std::string& stream, bool held, std::string who, std::string reason) = 0;
  virtual Result<void> remove(const std::string& stream, std::string who) = 0;
  /// A firing of a timer that is to start no run: recorded, so that it is not made up for later.
  virtual Result<void> skip_firing(const std::string& stream, UtcTime due, std::string reason) = 0;
  /// An event trigger has looked at everything recorded up to this time (microseconds); recorded from time to time.
  virtual Result<void> move_cursor(const std::string& stream, std::uint64_t position) = 0;
  /// An event would have started a run of this stream, but its chain is at its depth: counted.
  virtual void end_chain(const std::string& stream, std::string why) = 0;
  [[nodiscard]] virtual std::vector<StreamStatus> streams() const = 0;
  /// The answer as a node would get it. state_conflict, inputs_invalid, too_large, credential_found; not_found if no
  /// stream of that name was ever declared.
  virtual Result<Json> ask_state(AskState request) = 0;
  [[nodiscard]] virtual std::vector<PoolStatus> pools() const = 0;
  /// Listens for workers from now on; returns the port. Errors: those of the certificates, host_unreachable.
  virtual Result<std::uint16_t> take_workers(WorkersAt at) = 0;
  /// Those that are there, and those that are away but may come back to what they make.
  [[nodiscard]] virtual std::vector<WorkerStatus> workers() const = 0;
  /// not_found if there is no such worker.
  virtual Result<void> change_worker(const std::string& name, WorkerChange change) = 0;

  /// Calls `step` on the thread that commits, between commits and with pauses, until it returns false; for work on the
  /// store that only that thread may do, such as gc. Blocks until then. run_state if such work is under way already.
  /// An error ends it; if it is one of writing, that of a commit does no more. Runs of streams that were removed are
  /// counted anew afterwards.
  virtual Result<void> between_commits(std::function<Result<bool>()> step) = 0;

  /// Gives a resumed run a person's environment in place of the host's.
  virtual Result<void> set_environment(const RunId& run, std::vector<std::string> environment) = 0;

  /// Runs that are live: started or recovered here and not terminal.
  [[nodiscard]] virtual std::vector<RunId> live_runs() const = 0;
  [[nodiscard]] virtual const persistence::EventStore& store() const = 0;

  /// Stops every actor: cancels what runs, waits for it, at most the grace time; histories stay resumable.
  /// Called by the destructor.
  virtual void stop() = 0;
};

}  // namespace hillstar
