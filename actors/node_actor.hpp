// SPDX-License-Identifier: Apache-2.0
// One attempt of one node: starts it, cancels it, answers exactly once. Kept by its run actor for the next attempt,
// but keeps nothing of the one before. Never asks the run actor anything; its death is an answer too (a lost attempt).
// On a worker it makes one attempt, and ends with it.
#pragma once

#include <optional>

#include "actors/model_node.hpp"
#include "actors/remote/placed_node.hpp"

namespace hillstar::actors {

class NodeActorState {
 public:
  explicit NodeActorState(NodeActor::pointer actor) : self_(actor) {}

  void open(ServicesPtr services, AttemptOwner owner);
  void end_after_one() { ends_after_one_ = true; }
  void on_attempt(Attempt& message);
  void on_cancel(const CancelNode& message);
  void on_end_now(const EndNow& message) const;
  void on_job_done(JobDone& message);
  void on_model_done(ModelDone& message);
  void on_state_done(StateDone& message);
  void on_hold(const HoldNode& message);
  void on_child_answered(const ChildAnswered& message);
  void on_place_missing(const PlaceMissing& message);

  const char* name = "node";

 private:
  /// A run that the attempt waits for.
  struct ChildWait {
    std::shared_ptr<ChildOrder> order;
    bool asked = false;  ///< Its inputs are filled.
    std::optional<Halt> halt = {};
    bool held = false;
  };
  void run_tool();
  void call_model();
  void ask_state();
  void place();
  void send_place(std::vector<remote::FileRef> files);
  void send_call(std::variant<ModelCallPtr, AttemptFailed> prepared);
  void begin_child();
  void ask_for_child();
  void on_child_job(JobDone& message);
  void cancel_child(const CancelNode& message);
  void submit(JobPtr job);
  void finish(NodeOutcome outcome);
  [[nodiscard]] bool is_current(const AttemptRef& ref) const { return attempt_ && attempt_->command.ref == ref; }

  NodeActor::pointer self_;
  ServicesPtr services_;
  AttemptOwner owner_;
  std::optional<Attempt> attempt_;  ///< Empty: idle.
  JobPtr job_;                      ///< The part of it that has, or waits for, a slot.
  PreparedCallPtr prepared_;        ///< Set while the job is that of making a call.
  ModelCallPtr call_;               ///< The part of it that has, or waits for, a provider.
  std::optional<ChildWait> child_;
  bool is_placed_ = false;  ///< Another machine makes it, or will.
  FilesFoundPtr files_;     ///< Set while the job is that of reading files for it.
  bool cancelled_ = false;
  bool ends_after_one_ = false;
};

NodeActor::behavior_type node_actor(NodeActor::stateful_pointer<NodeActorState> self, ServicesPtr services,
                                    AttemptOwner owner);
NodeActor::behavior_type node_of_one_attempt(NodeActor::stateful_pointer<NodeActorState> self, ServicesPtr services,
                                             AttemptOwner owner);

}  // namespace hillstar::actors
