// SPDX-License-Identifier: Apache-2.0
// The work that is measured: plans, and an engine that drives many runs of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "actors/engine.hpp"
#include "persistence/event_store.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::bench {

/// `nodes` steps in a chain; each returns a string of about 200 bytes made from the one before.
std::shared_ptr<const workflow::Plan> chain(std::uint32_t nodes);
/// One root, `width` parallel steps, one join.
std::shared_ptr<const workflow::Plan> fan(std::uint32_t width);
/// `calls` model calls in a chain, against an OpenAI-compatible server at `url`.
std::shared_ptr<const workflow::Plan> model_chain(std::uint32_t calls, const std::string& url);

/// The store of this folder, made if there is none; throws what went wrong.
std::unique_ptr<persistence::EventStore> store_in(const std::string& folder);

/// The engine's options with the in-process `step` tool that chain() and fan() use.
EngineOptions options();

struct Load {
  std::shared_ptr<const workflow::Plan> plan;
  std::uint32_t runs = 1;
  std::uint32_t in_flight = 1;  ///< Runs that are live at one time.
};
struct Driven {
  double wall_s = 0;
  double cpu_s = 0;             ///< Of the whole process, the load's own part included.
  std::uint64_t completed = 0;  ///< Runs that ended completed.
};
/// An engine over a store, for one load after another.
class Driver {
 public:
  Driver(persistence::EventStore& store, EngineOptions with);
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;
  /// Runs the load to its end.
  Driven run(const Load& load);
  [[nodiscard]] Engine& engine() const { return *engine_; }

 private:
  struct Ends;
  std::unique_ptr<Ends> ends_;
  std::unique_ptr<Engine> engine_;
};
/// The same for one load and the usual options.
Driven drive(persistence::EventStore& store, const Load& load);

}  // namespace hillstar::bench
