// SPDX-License-Identifier: Apache-2.0
#include "actors/node_actor.hpp"

#include <caf/send.hpp>
#include <utility>

#include "actors/child_node.hpp"
#include "actors/job.hpp"
#include "actors/model_node.hpp"
#include "actors/model_result.hpp"
#include "actors/remote/orders.hpp"
#include "actors/state_node.hpp"
#include "actors/tool_node.hpp"

namespace hillstar::actors {

void NodeActorState::open(ServicesPtr services, AttemptOwner owner) {
  services_ = std::move(services);
  owner_ = std::move(owner);
}

void NodeActorState::on_attempt(Attempt& message) {
  attempt_ = std::move(message);
  cancelled_ = false;
  const auto& tool = attempt_->node->tool;
  if (attempt_->command.lists_items)
    submit(list_job(*attempt_, services_, NodeActor(self_)));
  else if (attempt_->node->placement)
    place();
  else if (tool == "model_call")
    call_model();
  else if (tool == "state" && !services_->catalog.contains(tool))
    ask_state();
  else if (is_run(*attempt_, *services_))
    begin_child();
  else
    run_tool();
}

void NodeActorState::run_tool() {
  const auto entry = services_->catalog.find(attempt_->node->tool);
  if (attempt_->node->tool == "checkpoint") {
    finish(checkpoint(*attempt_, *services_));
  } else if (entry == services_->catalog.end()) {
    finish(AttemptFailed{attempt_->command.ref,
                         Failure{FailureClass::invalid_input, "there is no tool '" + attempt_->node->tool + "'", {}},
                         {},
                         {}});
  } else if (entry->second.blocks) {
    submit(tool_job(*attempt_, entry->second, services_, NodeActor(self_)));
  } else {
    tools::CancelFlag never;
    finish(run_attempt(*attempt_, entry->second, *services_, never));
  }
}

void NodeActorState::ask_state() {
  auto prepared = prepare_state(*attempt_, *services_);
  if (auto* failed = std::get_if<AttemptFailed>(&prepared)) return finish(std::move(*failed));
  auto& request = std::get<StateRequest>(prepared);
  if (request.scope != StateScope::run) return ask_scope(*attempt_, std::move(request), *services_, NodeActor(self_));
  AttemptSucceeded outcome;
  outcome.ref = attempt_->command.ref;
  outcome.state = std::move(request);
  finish(std::move(outcome));
}

void NodeActorState::on_state_done(StateDone& message) {
  // Who stops the attempt waits for this answer: what was asked cannot be taken back.
  if (is_current(message.ref)) finish(state_outcome(*attempt_, message, *services_));
}

void NodeActorState::call_model() {
  if (!reads_files(*attempt_)) return send_call(prepare_call(*attempt_, services_, NodeActor(self_)));
  prepared_ = std::make_shared<PreparedCall>();
  submit(prepare_job(*attempt_, services_, NodeActor(self_), prepared_));
}

void NodeActorState::send_call(std::variant<ModelCallPtr, AttemptFailed> prepared) {
  if (auto* failed = std::get_if<AttemptFailed>(&prepared)) return finish(std::move(*failed));
  call_ = std::get<ModelCallPtr>(std::move(prepared));
  caf::anon_send(services_->providers, CallModel{call_});
}

void NodeActorState::place() {
  is_placed_ = true;
  // Machines of a cluster share the workspace.
  if (attempt_->node->files_in.empty() || attempt_->node->placement->slurm) return send_place({});
  files_ = std::make_shared<FilesFound>();
  submit(files_job(*attempt_, services_, NodeActor(self_), files_));
}

void NodeActorState::send_place(std::vector<remote::FileRef> files) {
  auto placed = placed_attempt(*attempt_, NodeActor(self_), std::move(files));
  job_ = placed->job;
  self_->anon_send(services_->workers, PlaceAttempt{std::move(placed)});
}

void NodeActorState::on_place_missing(const PlaceMissing& message) {
  if (is_current(message.ref)) self_->anon_send(owner_, message);
}

void NodeActorState::submit(JobPtr job) {
  job_ = std::move(job);
  caf::anon_send(services_->slots, RunJob{job_});
}

void NodeActorState::on_cancel(const CancelNode& message) {
  if (!is_current(message.ref)) return;
  if (child_) return cancel_child(message);
  if (std::exchange(cancelled_, true)) return;
  if (is_placed_) caf::anon_send(services_->workers, WithdrawPlaced{key_of(*attempt_), message.why});
  if (job_) {
    job_->cancel().set();
    caf::anon_send(services_->slots, WithdrawJob{job_});
  } else if (call_) {
    caf::anon_send(services_->providers, CancelModel{call_});
  }
}

void NodeActorState::on_end_now(const EndNow& message) const {
  if (is_current(message.ref) && job_) job_->cancel().end_now();
}

void NodeActorState::on_job_done(JobDone& message) {
  const auto ref = std::visit([](const auto& outcome) { return outcome.ref; }, message.outcome);
  if (!is_current(ref)) return;
  if (child_) return on_child_job(message);
  if (const auto files = std::exchange(files_, nullptr); files && files->found && !cancelled_)
    return send_place(*std::move(files->found));
  const auto prepared = std::exchange(prepared_, nullptr);
  if (!prepared || !prepared->call || cancelled_) return finish(std::move(message.outcome));
  job_.reset();
  send_call(std::move(*prepared->call));
}

void NodeActorState::on_model_done(ModelDone& message) {
  if (!is_current(message.ref)) return;
  const auto call = std::exchange(call_, nullptr);
  auto outcome = model_outcome(*attempt_, *call, message, *services_);
  auto* succeeded = std::get_if<AttemptSucceeded>(&outcome);
  if (succeeded == nullptr || attempt_->node->outputs.empty() || cancelled_) return finish(std::move(outcome));
  submit(write_outputs_job(*attempt_, std::move(*succeeded), services_, NodeActor(self_)));
}

/// The only way out of an attempt.
void NodeActorState::finish(NodeOutcome outcome) {
  const auto& redactor = attempt_->run->redactor;
  std::visit(
      [&](auto& what) {
        if constexpr (requires { what.failure; }) what.failure.message = redactor.redact(what.failure.message);
        if constexpr (requires { what.detail; })
          if (what.detail) what.detail = redactor.redact(*what.detail);
      },
      outcome);
  attempt_.reset();
  job_.reset();
  prepared_.reset();
  call_.reset();
  child_.reset();
  is_placed_ = false;
  files_.reset();
  self_->anon_send(owner_, AttemptEnded{std::move(outcome)});
  if (ends_after_one_) self_->quit();
}

NodeActor::behavior_type node_actor(NodeActor::stateful_pointer<NodeActorState> self, ServicesPtr services,
                                    AttemptOwner owner) {
  die_quietly(self);
  self->state.open(std::move(services), std::move(owner));
  return {[self](Attempt& message) { self->state.on_attempt(message); },
          [self](const CancelNode& message) { self->state.on_cancel(message); },
          [self](const EndNow& message) { self->state.on_end_now(message); },
          [self](JobDone& message) { self->state.on_job_done(message); },
          [self](ModelDone& message) { self->state.on_model_done(message); },
          [self](StateDone& message) { self->state.on_state_done(message); },
          [self](const HoldNode& message) { self->state.on_hold(message); },
          [self](const ChildAnswered& message) { self->state.on_child_answered(message); },
          [self](const PlaceMissing& message) { self->state.on_place_missing(message); }};
}

NodeActor::behavior_type node_of_one_attempt(NodeActor::stateful_pointer<NodeActorState> self, ServicesPtr services,
                                             AttemptOwner owner) {
  self->state.end_after_one();
  return node_actor(self, std::move(services), std::move(owner));
}

}  // namespace hillstar::actors
