// SPDX-License-Identifier: Apache-2.0
// How a run actor leaves: to rest, with the engine, or for good. A run that waits for its turn, for a person or for a
// time has no actor: the supervisor remembers it, and takes it up again from its history. And what its stream is told.
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <utility>

#include "actors/run_actor.hpp"
#include "actors/tool_node.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/view.hpp"

namespace hillstar::actors {

void RunActorState::tell_stream() {
  const auto& trigger = state_.started.trigger;
  if (!trigger || !trigger->stream) return;
  const auto phase = stream::phase_of(state_);
  const bool ended = run::is_terminal(state_);
  if (!ended && reported_ == phase) return;
  reported_ = phase;
  self_->anon_send(services_->streams, RunMoved{birth_.run, *trigger->stream, phase, ended});
}

void RunActorState::confirm_ends() const {
  for (const auto& recorded : *in_flight_)
    std::visit(
        [&](const auto& event) {
          if constexpr (requires { event.made_by; }) {
            if (!event.made_by) return;
            caf::anon_send(services_->workers,
                           AttemptKept{attempt_key(birth_.run, event.node, event.item, event.attempt)});
          }
        },
        recorded.event);
}

void RunActorState::on_place_missing(const PlaceMissing& message) {
  if (!gone_ && !stopping_) enqueue(message);
}

void RunActorState::rest() {
  if (in_flight_ || !inbox_.empty() || !attempts_.empty() || asked_sleep_ || stopping_ || gone_) return;
  if (stream::phase_of(state_) == stream::Phase::moving) return;
  const auto due = run::summarize(state_, birth_.run).due;
  if (due && *due <= services_->clock->utc_now() + kRestMin) return;
  asked_sleep_ = true;
  const bool waits_turn = state_.status == run::RunStatus::queued;
  caf::anon_send(supervisor_,
                 SleepAsked{birth_.run, told_, due, waits_turn, KeptParts(state_, {first_batch_, chain_})});
}

void RunActorState::on_sleep(const Sleep& message) {
  if (gone_ || !asked_sleep_ || message.told != told_) return;
  if (!message.granted) return stay_awake();
  gone_ = true;
  self_->quit(caf::error(static_cast<std::uint8_t>(RunExit::asleep), kRunExitCategory));
}

void RunActorState::stay_awake() {
  if (std::exchange(asked_sleep_, false)) arm_timers();
}

void RunActorState::arm_timers() {
  for (auto& command : run::outstanding(state_))
    if (std::holds_alternative<ArmTimer>(command)) issue(command, state_.version);
  arm_deadline();
}

void RunActorState::on_clock_moved() {
  if (gone_ || stopping_ || asked_sleep_ || state_.version == 0) return;
  // Timers that are under way come too late, or so early that they change nothing; a retry that comes twice is stale.
  armed_.reset();
  arm_timers();
}

void RunActorState::on_stop() {
  if (gone_ || stopping_) return;
  // Ends that come from now on are not recorded: the next engine finds these attempts lost, and says so.
  stopping_ = true;
  for (const auto& [key, attempt] : attempts_) {
    const auto ref = ref_of(key, attempt.attempt);
    caf::anon_send(attempt.node, CancelNode{ref, Halt::leave});
    caf::delayed_anon_send(RunActor(self_), services_->cancel_grace, GraceOver{ref});
  }
  stop_if_quiet();
}

void RunActorState::stop_if_quiet() {
  if (!attempts_.empty() || in_flight_) return;
  gone_ = true;
  self_->quit(caf::error(static_cast<std::uint8_t>(RunExit::stopped), kRunExitCategory));
}

void RunActorState::leave(RunExit reason, const Error& error) {
  gone_ = true;
  Error line = error;
  line.where = "run " + birth_.run.str() + (line.where.empty() ? "" : ", " + line.where);
  if (const auto& trigger = state_.started.trigger; trigger && trigger->stream)
    self_->anon_send(services_->streams, RunMoved{birth_.run, *trigger->stream, stream::Phase::resting, false});
  caf::anon_send(services_->feed, RunParked{birth_.run, line});
  tell_above(line);
  if (started_) std::exchange(started_, {}).answer(line);
  self_->quit(caf::error(static_cast<std::uint8_t>(reason), kRunExitCategory));
}

}  // namespace hillstar::actors
