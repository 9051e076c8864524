// SPDX-License-Identifier: Apache-2.0
// An attempt that is a run of another workflow: no slot and no thread is held while it is waited for.
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <utility>

#include "actors/child_node.hpp"
#include "actors/job.hpp"
#include "actors/node_actor.hpp"

namespace hillstar::actors {

void NodeActorState::begin_child() {
  child_ = ChildWait{order_of(*attempt_)};
  submit(order_job(*attempt_, services_, NodeActor(self_), child_->order));
}

void NodeActorState::ask_for_child() {
  job_.reset();
  child_->asked = true;
  caf::anon_send(services_->children, RunChild{child_->order, NodeActor(self_), child_->halt, child_->held});
}

void NodeActorState::on_child_job(JobDone& message) {
  if (!child_->asked && std::holds_alternative<AttemptCancelled>(message.outcome)) return ask_for_child();
  // Whether or not it can be made, there may be one of before that is to be stopped.
  if (!child_->asked && child_->halt) return ask_for_child();
  finish(std::move(message.outcome));
}

void NodeActorState::cancel_child(const CancelNode& message) {
  if (message.why == Halt::leave) {
    if (child_->asked) caf::anon_send(services_->children, HaltChild{child_->order->run, message.ref, message.why});
    if (job_) caf::anon_send(services_->slots, WithdrawJob{job_});
    return finish(AttemptCancelled{message.ref});
  }
  // It is being read already: its end is what counts. What is to be cancelled need not be paused.
  if ((child_->asked && job_) || child_->halt == message.why || child_->halt == Halt::cancel) return;
  child_->halt = message.why;
  if (child_->asked) caf::anon_send(services_->children, HaltChild{child_->order->run, message.ref, message.why});
}

void NodeActorState::on_hold(const HoldNode& message) {
  if (!is_current(message.ref) || !child_ || child_->halt) return;
  child_->held = message.held;
  if (child_->asked) caf::anon_send(services_->children, HoldChild{child_->order->run, message.held});
}

void NodeActorState::on_child_answered(const ChildAnswered& message) {
  if (!is_current(message.ref) || !child_) return;
  if (message.error) return finish(child_refused(*attempt_, *message.error));
  if (!message.ended) return finish(AttemptCancelled{message.ref});
  submit(child_end_job(*attempt_, services_, NodeActor(self_), child_->order->run, child_->halt == Halt::cancel));
}

}  // namespace hillstar::actors
