// SPDX-License-Identifier: Apache-2.0
// Wiring: spawns the tree in order, stops it in reverse.
#include "actors/engine.hpp"

#include <caf/send.hpp>
#include <utility>

#include "actors/child_runs.hpp"
#include "actors/engine_defaults.hpp"
#include "actors/engine_impl.hpp"
#include "actors/event_log.hpp"
#include "actors/exporter.hpp"
#include "actors/feed.hpp"
#include "actors/pool_history.hpp"
#include "actors/provider_directory.hpp"
#include "actors/remote/worker_directory.hpp"
#include "actors/state_scope.hpp"
#include "actors/stream_directory.hpp"
#include "actors/supervisor.hpp"
#include "actors/tool_slots.hpp"
#include "providers/program/transport.hpp"

namespace hillstar::actors {
namespace {

/// Beyond the grace time: for actors that only have to leave.
constexpr Millis kStopSlack{2'000};
/// For the files of runs that wait to be written when the engine stops.
constexpr Millis kExportTime{10'000};

}  // namespace

EngineImpl::EngineImpl(persistence::EventStore& store, EngineOptions options)
    : store_(store),
      tree_(std::make_unique<Tree>(threads_for(options), options.takes_workers)),
      follower_queue_max_(options.follower_queue_max),
      warm_runs_max_(options.warm_runs_max),
      recovers_all_(options.recovers_all),
      takes_workers_(options.takes_workers),
      worker_lost_after_(options.worker_lost_after) {
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
  pool.on_text = live_text(services.gate, services.feed);
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
  services.workers =
      system.spawn(worker_directory, WorkerDirectoryParts{tree_->services, takes_workers_, worker_lost_after_, alive_});
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
  tree_->listener.reset();
  leave(services.workers);
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

}  // namespace hillstar::actors

namespace hillstar {

std::unique_ptr<Engine> Engine::start_up(persistence::EventStore& store, EngineOptions options,
                                         std::vector<std::string> environment) {
  auto engine = std::make_unique<actors::EngineImpl>(store, std::move(options));
  engine->open(std::move(environment));
  return engine;
}

}  // namespace hillstar
