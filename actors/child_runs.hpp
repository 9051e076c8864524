// SPDX-License-Identifier: Apache-2.0
// Runs that are parts of other runs: starts each once, finds it again, and tells the attempt that waits how it ended.
// Holds no thread and no slot for those that wait.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "actors/services.hpp"

namespace hillstar::actors {

/// Plans whose workflows' plans are kept for the next runs.
inline constexpr std::size_t kChildPlansKnownMax = 64;

struct ChildRunsParts {
  ServicesPtr services;
  Lifeline alive;
};

class ChildRunsState {
 public:
  explicit ChildRunsState(ChildRuns::pointer actor) : self_(actor) {}

  void hold(ChildRunsParts parts) { parts_ = std::move(parts); }
  void on_open(const OpenChildren& message);
  void on_run(RunChild& message);
  void on_halt(const HaltChild& message);
  void on_hold(const HoldChild& message);
  void on_moved(const ChildMoved& message);
  void on_started(const ChildStarted& message);
  void on_told(const ChildTold& message);

  const char* name = "children";

 private:
  struct Waiting {
    std::shared_ptr<ChildOrder> order;
    NodeActor node;
    std::optional<Halt> halt;
    bool held = false;
  };
  /// What is known of the workflows that one plan runs.
  struct KnownPlans {
    std::weak_ptr<const workflow::Plan> above;
    const workflow::Plan* address = nullptr;
    std::shared_ptr<const policy::Rules> rules;
    std::string workspace;
    std::map<NodeIndex, std::string> classes;  ///< Of what nodes give to their runs.
    std::map<std::pair<std::string, std::string>, std::shared_ptr<const workflow::Plan>> plans;  ///< By file and class.
  };
  /// The run is there, or is to be started.
  void look(const RunId& run, Waiting& waiting);
  void go_on(const RunId& run, const Waiting& waiting, const run::Summary& row);
  Result<void> start(const Waiting& waiting);
  Result<StartRun> request_of(const ChildOrder& order);
  Result<KnownPlans*> known(const ChildOrder& order);
  Result<std::shared_ptr<const workflow::Plan>> plan_of(const ChildOrder& order, const workflow::ChildWorkflow& child);
  void tell(const RunId& run, const AttemptRef& ref, decltype(Input::what) what);
  void tell_halt(const RunId& run, const Waiting& waiting);
  void answer(const RunId& run, ChildAnswered answered);

  ChildRuns::pointer self_;
  ChildRunsParts parts_;
  Supervisor supervisor_;
  std::unordered_map<RunId, Waiting> waiting_;
  std::list<KnownPlans> plans_;
};

ChildRuns::behavior_type child_runs(ChildRuns::stateful_pointer<ChildRunsState> self, ChildRunsParts parts);

}  // namespace hillstar::actors
