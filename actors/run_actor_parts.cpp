// SPDX-License-Identifier: Apache-2.0
// What a run actor hands on: to the runs that are its parts, to the one that it is a part of, and to attempts to come.
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <utility>

#include "actors/run_actor.hpp"
#include "runtime/run/child.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/view.hpp"

namespace hillstar::actors {

void RunActorState::tell_above(std::optional<Error> parked) {
  const auto& trigger = state_.started.trigger;
  bool is_part = trigger && trigger->kind == TriggerKind::workflow;
  if (state_.version == 0) {  // its history could not be read
    const auto row = services_->store->summary(birth_.run);
    is_part = row && row->above;
  }
  if (is_part) self_->anon_send(services_->children, ChildMoved{birth_.run, std::move(parked)});
}

void RunActorState::end_parts() {
  for (const auto& part : run::open_children(state_))
    caf::anon_send(supervisor_, TellRun{derived_run(birth_.run, part.name), cancel_by(birth_.run), {}});
}

bool RunActorState::above_has_ended() const {
  const auto& trigger = state_.started.trigger;
  if (!trigger || trigger->kind != TriggerKind::workflow || !trigger->cause) return false;
  const auto above = services_->store->summary(trigger->cause->run);
  return above && run::is_terminal(*above);
}

Input RunActorState::cancel_by(const RunId& above) const {
  return {services_->clock->utc_now(), 0, CancelAsked{"run " + above.str(), std::string(kAboveEnded)}};
}

const std::shared_ptr<const ChildFrame>& RunActorState::frame() {
  if (!frame_) frame_ = std::make_shared<const ChildFrame>(ChildFrame{state_.plan, state_.started});
  return frame_;
}

void RunActorState::pass_on(const HoldNode& command) {
  const auto entry = attempts_.find(key_of(command.ref));
  if (entry != attempts_.end() && entry->second.attempt == command.ref.attempt)
    caf::anon_send(entry->second.node, command);
}

void RunActorState::on_set_environment(SetEnvironment& message) {
  ++told_;
  birth_.environment = std::move(message.environment);
  birth_.redactor = std::move(message.redactor);
  if (birth_.rules && !birth_.rules->redact.empty())
    birth_.redactor =
        policy::redactor_of(birth_.environment, policy::rule_choice(birth_.environment, birth_.rules.get()));
  context_ = nullptr;
  message.reply.answer(true);
}

void RunActorState::forget_list(const Event& event) {
  const auto forget = [&](const NodeId& node, bool whole) {
    if (whole && !lists_.empty()) lists_.erase(state_.index->at(node.str()));
  };
  if (const auto* completed = std::get_if<NodeCompleted>(&event)) forget(completed->node, !completed->item);
  if (const auto* failed = std::get_if<NodeFailed>(&event)) forget(failed->node, !failed->item);
}

}  // namespace hillstar::actors
