// SPDX-License-Identifier: Apache-2.0
// What the actors of one engine share: the store, the clocks, each other's handles. Built once by the engine.
#pragma once

#include <atomic>
#include <caf/actor_system.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "actors/exporter.hpp"
#include "actors/handles.hpp"
#include "providers/http/transport.hpp"
#include "providers/pool/admission.hpp"
#include "runtime/platform/clock.hpp"
#include "runtime/platform/id_source.hpp"
#include "runtime/policy/model_choice.hpp"
#include "runtime/policy/registry.hpp"
#include "runtime/telemetry/trace_context.hpp"

namespace hillstar::actors {

/// Progress messages on their way to the feed; more are dropped, for they are only for the eye.
inline constexpr std::uint32_t kProgressPendingMax = 1'000;

class LiveTails;

/// Whether anybody follows anything, and what those who begin to will want to know. Thread-safe.
struct FeedGate {
  FeedGate();
  std::atomic<std::uint32_t> followers{0};
  std::atomic<std::uint32_t> progress_pending{0};
  const std::shared_ptr<LiveTails> tails;  ///< actors/live_output.hpp.
};

/// Held by the actors that stop() waits for; answered when the last of them is gone.
using Lifeline = Reply<bool>;

/// Immutable but for what it points to; every actor's state holds it.
struct Services {
  persistence::EventStore* store = nullptr;  ///< Outlives the engine.
  std::shared_ptr<const Clock> clock;
  std::shared_ptr<IdSource> ids;
  std::shared_ptr<providers::Transport> transport;
  tools::Catalog catalog;
  std::shared_ptr<const policy::Registry> registry;  ///< Null: the one that comes with the program.
  ReadBlob read_blob;
  std::function<void(const std::string&)> log;  ///< One line for the operator. Thread-safe.
  std::function<void(const Error&)> on_fatal;
  std::function<void(const RunId&, const run::Summary&)> on_end;  ///< Never empty.
  std::shared_ptr<FeedGate> gate;
  Millis cancel_grace{5'000};
  std::function<providers::PoolLimits(const policy::Backend&)> pool_limits;  ///< Never empty.
  unsigned script_slots = 1;
  std::string version;                        ///< Of this program, for RunStarted::engine.
  bool keys_needed = true;                    ///< False: nothing is sent, so a key that is missing here is no obstacle.
  std::optional<telemetry::Sampler> tracing;  ///< As EngineOptions::tracing.
  bool own_threads = true;                    ///< False: every actor on the scheduler, for deterministic tests.
  EventLog event_log;
  FeedActor feed;
  ToolSlots slots;
  ProviderDirectory providers;
  Exporter exporter;
  StreamDirectory streams;
  StateDirectory states;
  ChildRuns children;
  WorkerDirectory workers;  ///< Null: on a worker.
};
/// Rows of all runs without an end; what cannot be read is told to the operator.
std::vector<run::Summary> open_runs(const Services& services);
/// Hands a piece of output to whoever follows. Thread-safe; drops it if the feed lags.
void send_progress(FeedGate& gate, const FeedActor& feed, Progress piece);
/// What an attempt gets that waited for a slot as long as its queue timeout allows.
Failure no_slot_within(std::optional<Millis> limit);

using ServicesPtr = std::shared_ptr<const Services>;

/// Spawns an actor that may block: on a thread of its own, unless the test wants one scheduler for all.
template <class Spawner, class Function, class... Args>
auto spawn_blocking(Spawner& spawner, bool own_threads, Function function, Args&&... args) {
  return own_threads ? spawner.template spawn<caf::detached>(function, std::forward<Args>(args)...)
                     : spawner.template spawn<caf::no_spawn_options>(function, std::forward<Args>(args)...);
}

/// Replaces CAF's handlers, which print to the terminal: the death of an actor is a message to its supervisor.
template <class Self>
void die_quietly(Self* self) {
  self->set_exception_handler([](std::exception_ptr&) { return caf::make_error(caf::sec::runtime_error); });
  self->set_down_handler([](caf::down_msg&) {});
  self->set_error_handler([](caf::error&) {});
}

}  // namespace hillstar::actors
