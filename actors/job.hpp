// SPDX-License-Identifier: Apache-2.0
// A piece of an attempt that blocks a thread: waits for a slot, runs, and answers its node exactly once, whatever
// happens to the actors it passes through.
#pragma once

#include <caf/fwd.hpp>
#include <functional>
#include <optional>
#include <utility>

#include "actors/handles.hpp"

namespace hillstar::actors {

class Job {
 public:
  using Work = std::function<NodeOutcome(tools::CancelFlag&)>;

  struct Parts {
    AttemptRef ref;
    NodeActor node;
    Work work;            ///< Runs on a worker's thread; may block.
    bool script = false;  ///< Counts against EngineOptions::script_slots; else against file slots.
    std::optional<Millis> queue_timeout;
  };

  explicit Job(Parts parts) : parts_(std::move(parts)) {}
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  /// Whoever dropped the job without an answer died with it.
  ~Job();

  /// The first answer counts. Called by whoever holds the job now: the slots while it waits, then its worker.
  /// @param on  the answering actor's context, if an actor answers: its thread goes on with the node
  void answer(NodeOutcome outcome, caf::execution_unit* on = nullptr);
  /// Runs the work and answers. An exception out of a tool is a crash of the tool: a lost attempt.
  void run();

  [[nodiscard]] const Parts& parts() const { return parts_; }
  tools::CancelFlag& cancel() { return cancel_; }

  std::uint64_t ticket = 0;  ///< Owned by the slots: place in the queue, 0: not in it.

 private:
  Parts parts_;
  tools::CancelFlag cancel_;
  bool answered_ = false;
};

}  // namespace hillstar::actors
