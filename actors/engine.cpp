// SPDX-License-Identifier: Apache-2.0
// Wiring: spawns the tree in order, stops it in reverse. Calls of other threads become messages with a Reply.
#include "actors/engine.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>
#include <thread>
#include <utility>

#include "actors/child_runs.hpp"
#include "actors/engine_defaults.hpp"
#include "actors/event_log.hpp"
#include "actors/exporter.hpp"
#include "actors/feed.hpp"
#include "actors/live_output.hpp"
#include "actors/pool_history.hpp"
#include "actors/provider_directory.hpp"
#include "actors/scheduler.hpp"
#include "actors/services.hpp"
#include "actors/state_scope.hpp"
#include "actors/stream_directory.hpp"
#include "actors/supervisor.hpp"
#include "actors/tool_slots.hpp"
#include "providers/program/transport.hpp"

namespace hillstar {
namespace {

using namespace actors;

/// Beyond the grace time: for actors that only have to leave.
constexpr Millis kStopSlack{2'000};
/// For the files of runs that wait to be written when the engine stops.
constexpr Millis kExportTime{10'000};

/// CAF as this program uses it: no command line, no configuration file, no log.
struct Config : caf::actor_system_config {
  explicit Config(unsigned threads) { use_scheduler(*this, threads); }
};

/// Everything that ends with the engine, in one piece: a tool that cannot be stopped keeps all of it.
struct Tree {
  explicit Tree(unsigned threads) : config(threads), system(config) {}

  Config config;
  caf::actor_system system;
  std::shared_ptr<Services> services = std::make_shared<Services>();
  Supervisor supervisor;
};

class EngineImpl final : public Engine {
 public:
  EngineImpl(persistence::EventStore& store, EngineOptions options);
  ~EngineImpl() override { stop_actors(); }

  /// Spawns the tree; what the store lists as not terminal is recovered.
  void open(std::vector<std::string> environment);

  Result<RunId> start(StartRun request) override;
  void start_async(StartRun request, std::function<void(Result<RunId>)> done) override;
  Result<std::uint64_t> follow(const RunId& run, std::uint64_t from_seq, FeedCallback callback) override;
  void unfollow(std::uint64_t ticket) override;
  Result<std::uint64_t> watch(CommitCallback callback) override;
  void unwatch(std::uint64_t ticket) override;
  Result<std::vector<Event>> tell(const RunId& run, Input input) override;
  Result<void> set_environment(const RunId& run, std::vector<std::string> environment) override;
  Result<StreamStatus> declare(DeclareStream request) override;
  void trigger_async(TriggerRun request, std::function<void(Result<Accepted>)> done) override;
  Result<void> hold(const std::string& stream, bool held, std::string who, std::string reason) override;
  Result<void> remove(const std::string& stream, std::string who) override;
  void end_chain(const std::string& stream, std::string why) override;
  [[nodiscard]] std::vector<StreamStatus> streams() const override;
  [[nodiscard]] std::vector<PoolStatus> pools() const override { return board_->rows(); }
  Result<void> between_commits(std::function<Result<bool>()> step) override;
  Result<void> skip_firing(const std::string& stream, UtcTime due, std::string reason) override;
  Result<void> move_cursor(const std::string& stream, std::uint64_t position) override;
  Result<Json> ask_state(AskState request) override;
  [[nodiscard]] std::vector<RunId> live_runs() const override;
  [[nodiscard]] const persistence::EventStore& store() const override { return store_; }
  void stop() override { stop_actors(); }

 private:
  /// Lets `say` send something to the tree, unless it stops: then nothing is said, and its reply says so.
  template <class Say>
  void send(Say say) const {
    sending_.fetch_add(1);
    if (!stopped_) say(*tree_);
    if (sending_.fetch_sub(1) == 1) sending_.notify_all();
  }
  /// The same, and waits for the answer to the reply that `say` gets.
  template <class T, class Say>
  Result<T> ask(Say say) const {
    auto reply = Reply<T>::create();
    auto answer = reply.future();
    send([&](Tree& tree) { say(tree, std::exchange(reply, {})); });
    reply = {};  // not said: answers itself
    return answer.get();
  }
  /// The run's row; run_not_found if there is none. run_state if it is terminal and `alive` is asked for.
  [[nodiscard]] Result<void> check(const RunId& run, bool alive) const;
  Result<void> tell_stream(const std::string& stream, Event fact);
  void stop_actors();

  persistence::EventStore& store_;
  std::unique_ptr<Tree> tree_;
  std::shared_ptr<PoolBoard> board_ = std::make_shared<PoolBoard>();
  std::size_t follower_queue_max_;
  std::size_t warm_runs_max_;
  bool recovers_all_;
  Lifeline alive_ = Lifeline::create();
  std::future<Result<bool>> all_gone_ = alive_.future();
  std::atomic<std::uint64_t> tickets_{0};
  mutable std::atomic<int> sending_{0};  ///< Threads that use the tree at this moment.
  std::atomic<bool> stopped_{false};
};

EngineImpl::EngineImpl(persistence::EventStore& store, EngineOptions options)
    : store_(store),
      tree_(std::make_unique<Tree>(threads_for(options))),
      follower_queue_max_(options.follower_queue_max),
      warm_runs_max_(options.warm_runs_max),
      recovers_all_(options.recovers_all) {
  auto& services = *tree_->services;
  services.store = &store_;
  services.clock = options.clock ? options.clock : std::make_shared<const SystemClock>();
  services.ids = options.ids ? options.ids : std::make_shared<SystemIdSource>();
  services.transport =
      options.transport ? options.transport : providers::with_programs(providers::make_beast_transport());
  services.catalog = options.catalog.empty() ? tools::standard_catalog() : std::move(options.catalog);
  services.read_blob = [&store](const std::string& sha256) { return store.read_blob(sha256); };
  services.log = options.log ? options.log : print_line;
  services.on_fatal = options.on_fatal ? options.on_fatal : end_process;
  services.on_end = options.on_end ? options.on_end : [](const RunId&, const run::Summary&) {};
  services.gate = std::make_shared<FeedGate>();
  services.cancel_grace = options.cancel_grace;
  services.registry = std::move(options.registry);
  services.pool_limits = limits_of(options);
  services.script_slots = options.script_slots == 0 ? cores() : options.script_slots;
  services.version = HILLSTAR_VERSION;
  services.tracing = options.tracing;
}

void EngineImpl::open(std::vector<std::string> environment) {
  auto& system = tree_->system;
  auto& services = *tree_->services;
  services.event_log = system.spawn(event_log, EventLogParts{&store_, services.on_fatal, alive_});
  services.feed = system.spawn(feed_actor, FeedParts{&store_, services.event_log, services.gate, follower_queue_max_,
                                                     services.log, services.own_threads, alive_});
  services.slots = system.spawn(tool_slots, ToolSlotsParts{services.script_slots, services.own_threads, alive_});
  PoolParts pool;
  pool.transport = services.transport;
  pool.clock = services.clock;
  pool.ids = services.ids;
  pool.limits = services.pool_limits;
  pool.past = [&store = store_, log = services.log, opened = services.clock->utc_now()](const std::string& backend) {
    auto calls = past_calls(store, backend, opened);
    if (calls) return std::move(*calls);
    log(to_string(calls.error()));
    return std::vector<providers::PastCall>();
  };
  pool.on_text = [gate = services.gate, feed = services.feed](ModelCall& call, const std::string& text) {
    const auto& parts = call.parts();
    if (!call.live)
      call.live = std::make_unique<LiveOutput>(
          gate, feed, Progress{parts.run, parts.node_id, parts.ref.item, parts.ref.attempt, {}});
    call.live->say(text);
  };
  pool.board = board_;
  pool.alive = alive_;
  DirectoryParts directory{std::move(pool), {}};
  directory.past_spending = [&store = store_, opened = services.clock->utc_now()](const std::string& workflow,
                                                                                  UtcTime now) {
    return past_spending(store, workflow, now, opened);
  };
  services.providers = system.spawn(provider_directory, std::move(directory));
  services.exporter = system.spawn<caf::detached>(exporter, ExporterParts{&store_, services.log, alive_});
  services.streams =
      system.spawn(stream_directory, StreamDirectoryParts{tree_->services, environment, recovers_all_, alive_});
  services.states = system.spawn(state_directory, StateDirectoryParts{tree_->services, environment, alive_});
  services.children = system.spawn(child_runs, ChildRunsParts{tree_->services, alive_});
  auto recover = recovers_all_ ? open_runs(services) : std::vector<run::Summary>();
  OpenChildren children;
  for (const auto& row : recover)
    if (row.above) children.parts.emplace_back(row.run, row.above->run);
  tree_->supervisor = system.spawn<caf::detached>(
      supervisor, SupervisorParts{tree_->services, std::move(environment), std::move(recover), warm_runs_max_, alive_});
  children.supervisor = tree_->supervisor;
  caf::anon_send(services.streams, OpenStreams{tree_->supervisor});
  caf::anon_send(services.children, std::move(children));
}

Result<void> EngineImpl::check(const RunId& run, bool alive) const {
  const auto row = store_.summary(run);
  if (!row) return row.error();
  if (alive && run::is_terminal(*row))
    return Error{Errc::run_state, "the run is " + row->status, run.str(),
                 "Nothing can be told to a run that has ended."};
  return {};
}

Result<RunId> EngineImpl::start(StartRun request) {
  return ask<RunId>([&](Tree& tree, Reply<RunId> reply) {
    caf::anon_send(tree.supervisor, StartRequest{std::make_shared<StartRun>(std::move(request)), std::move(reply)});
  });
}

void EngineImpl::start_async(StartRun request, std::function<void(Result<RunId>)> done) {
  const auto reply = Reply<RunId>::call(std::move(done));
  send([&](Tree& tree) {
    caf::anon_send(tree.supervisor, StartRequest{std::make_shared<StartRun>(std::move(request)), reply});
  });
}

Result<std::uint64_t> EngineImpl::follow(const RunId& run, std::uint64_t from_seq, FeedCallback callback) {
  HILLSTAR_CHECK(check(run, false));
  return ask<std::uint64_t>([&](Tree& tree, Reply<std::uint64_t> reply) {
    caf::anon_send(tree.services->feed, Follow{++tickets_, run, from_seq, std::move(callback), std::move(reply)});
  });
}

void EngineImpl::unfollow(std::uint64_t ticket) {
  // An engine that stopped calls nobody either.
  (void)ask<bool>([&](Tree& tree, Reply<bool> reply) {
    caf::anon_send(tree.services->feed, Unfollow{ticket, std::move(reply)});
  });
}

Result<std::uint64_t> EngineImpl::watch(CommitCallback callback) {
  return ask<std::uint64_t>([&](Tree& tree, Reply<std::uint64_t> reply) {
    caf::anon_send(tree.services->event_log, WatchLog{++tickets_, std::move(callback), std::move(reply)});
  });
}

void EngineImpl::unwatch(std::uint64_t ticket) {
  (void)ask<bool>([&](Tree& tree, Reply<bool> reply) {
    caf::anon_send(tree.services->event_log, UnwatchLog{ticket, std::move(reply)});
  });
}

Result<std::vector<Event>> EngineImpl::tell(const RunId& run, Input input) {
  HILLSTAR_CHECK(check(run, true));
  auto facts = ask<std::vector<Event>>([&](Tree& tree, Reply<std::vector<Event>> reply) {
    caf::anon_send(tree.supervisor, TellRun{run, std::move(input), std::move(reply)});
  });
  // The run may have ended while this was on its way.
  if (!facts) HILLSTAR_CHECK(check(run, true));
  return facts;
}

Result<void> EngineImpl::set_environment(const RunId& run, std::vector<std::string> environment) {
  HILLSTAR_CHECK(check(run, true));
  const auto done = ask<bool>([&](Tree& tree, Reply<bool> reply) {
    caf::anon_send(tree.supervisor, SetEnvironment{run, std::move(environment), {}, std::move(reply)});
  });
  if (!done) return done.error();
  return {};
}

// -- streams ------------------------------------------------------------------------------------------

Result<StreamStatus> EngineImpl::declare(DeclareStream request) {
  return ask<StreamStatus>([&](Tree& tree, Reply<StreamStatus> reply) {
    caf::anon_send(tree.services->streams,
                   DeclareRequest{std::make_shared<DeclareStream>(std::move(request)), std::move(reply)});
  });
}

void EngineImpl::trigger_async(TriggerRun request, std::function<void(Result<Accepted>)> done) {
  const auto reply = Reply<Accepted>::call(std::move(done));
  send([&](Tree& tree) {
    caf::anon_send(tree.services->streams, OfferRun{std::make_shared<TriggerRun>(std::move(request)), reply});
  });
}

Result<void> EngineImpl::tell_stream(const std::string& stream, Event fact) {
  const auto done = ask<bool>([&](Tree& tree, Reply<bool> reply) {
    caf::anon_send(tree.services->streams, TellStream{stream, std::move(fact), std::move(reply)});
  });
  if (!done) return done.error();
  return {};
}

Result<void> EngineImpl::hold(const std::string& stream, bool held, std::string who, std::string reason) {
  if (held) return tell_stream(stream, StreamHeld{std::move(who), std::move(reason)});
  return tell_stream(stream, StreamReleased{std::move(who)});
}

Result<void> EngineImpl::remove(const std::string& stream, std::string who) {
  return tell_stream(stream, StreamRemoved{std::move(who)});
}

Result<void> EngineImpl::skip_firing(const std::string& stream, UtcTime due, std::string reason) {
  return tell_stream(stream, TimerFired{due, std::nullopt, std::move(reason)});
}

Result<void> EngineImpl::move_cursor(const std::string& stream, std::uint64_t position) {
  return tell_stream(stream, CursorMoved{position});
}

void EngineImpl::end_chain(const std::string& stream, std::string why) {
  send([&](Tree& tree) { caf::anon_send(tree.services->streams, EndChain{stream, std::move(why)}); });
}

Result<void> EngineImpl::between_commits(std::function<Result<bool>()> step) {
  const auto done = ask<bool>([&](Tree& tree, Reply<bool> reply) {
    caf::anon_send(tree.services->event_log, Housework{std::move(step), std::move(reply)});
  });
  if (!done) return done.error();
  send([&](Tree& tree) { caf::anon_send(tree.services->streams, CountAgain{}); });
  return {};
}

std::vector<StreamStatus> EngineImpl::streams() const {
  return ask<std::vector<StreamStatus>>([](Tree& tree, Reply<std::vector<StreamStatus>> reply) {
           caf::anon_send(tree.services->streams, ListStreams{std::move(reply)});
         })
      .value_or({});
}

Result<Json> EngineImpl::ask_state(AskState request) {
  auto asked = asked_by_person(std::move(request));
  HILLSTAR_TRY(auto outcome, ask<StateOutcome>([&](Tree& tree, Reply<StateOutcome> reply) {
                 asked.reply = std::move(reply);
                 caf::anon_send(tree.services->states, std::move(asked));
               }));
  return for_person(std::move(outcome));
}

std::vector<RunId> EngineImpl::live_runs() const {
  auto runs = ask<std::vector<RunId>>([](Tree& tree, Reply<std::vector<RunId>> reply) {
                caf::anon_send(tree.supervisor, ListLive{std::move(reply)});
              }).value_or({});
  // The last breath of a run's actor comes after its end is durable, and the store knows the end.
  runs.erase(std::remove_if(runs.begin(), runs.end(), [&](const RunId& run) { return !check(run, true); }), runs.end());
  return runs;
}

void EngineImpl::stop_actors() {
  if (stopped_.exchange(true)) return;
  for (auto others = sending_.load(); others != 0; others = sending_.load()) sending_.wait(others);
  auto& services = *tree_->services;
  caf::anon_send(services.streams, LeaveStream{});
  auto reply = Reply<bool>::create();
  auto runs_gone = reply.future();
  caf::anon_send(tree_->supervisor, StopAll{std::exchange(reply, {})});
  (void)runs_gone.wait_for(services.cancel_grace + kStopSlack);

  auto files_reply = Reply<bool>::create();
  auto files_written = files_reply.future();
  caf::anon_send(services.exporter, StopExporter{std::exchange(files_reply, {})});
  (void)files_written.wait_for(kExportTime);  // what is missing then, `export` writes
  services.exporter = nullptr;

  const auto leave = [](auto& actor) {
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    actor = nullptr;
  };
  leave(tree_->supervisor);
  services.streams = nullptr;  // runs spoke to it until they were gone,
  caf::anon_send(services.states, LeaveStates{});
  services.states = nullptr;  // and to this
  leave(services.children);
  leave(services.providers);
  leave(services.slots);
  leave(services.feed);
  leave(services.event_log);
  alive_ = {};
  if (all_gone_.wait_for(kStopSlack) == std::future_status::timeout) {
    services.log("warning: a tool or a follower did not stop; its thread ends with the process");
    (void)tree_.release();
    return;
  }
  services.transport.reset();  // joins its thread; late callbacks find no actor
  tree_.reset();
}

}  // namespace

std::unique_ptr<Engine> Engine::start_up(persistence::EventStore& store, EngineOptions options,
                                         std::vector<std::string> environment) {
  auto engine = std::make_unique<EngineImpl>(store, std::move(options));
  engine->open(std::move(environment));
  return engine;
}

}  // namespace hillstar
