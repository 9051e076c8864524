// SPDX-License-Identifier: Apache-2.0
#include "actors/tool_slots.hpp"

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <exception>
#include <utility>

#include "actors/job.hpp"
#include "actors/services.hpp"

namespace hillstar::actors {

Job::~Job() { answer(AttemptLost{parts_.ref}); }

void Job::answer(NodeOutcome outcome, caf::execution_unit* on) {
  if (std::exchange(answered_, true) || !parts_.node) return;
  caf::actor_cast<caf::abstract_actor*>(parts_.node)
      ->eq_impl(caf::make_message_id(), nullptr, on, JobDone{std::move(outcome)});
}

void Job::run() {
  try {
    answer(cancel_.is_set() ? NodeOutcome{AttemptCancelled{parts_.ref}} : parts_.work(cancel_));
  } catch (const std::exception&) {
    answer(AttemptLost{parts_.ref});
  } catch (const InvariantError&) {
    answer(AttemptLost{parts_.ref});
  }
}

namespace {

struct JobWorkerState {
  const char* name = "job_worker";
  Lifeline alive;
};

/// Threads of processes it starts are bound to this thread (PR_SET_PDEATHSIG), which lives as long as the slots.
JobWorker::behavior_type job_worker(JobWorker::stateful_pointer<JobWorkerState> self, ToolSlots slots, Lifeline alive) {
  die_quietly(self);
  self->state.alive = std::move(alive);
  return {[self, slots](RunJob& message) {
    message.job->run();
    const bool script = message.job->parts().script;
    message.job.reset();
    caf::anon_send(slots, SlotFreed{JobWorker(self), script});
  }};
}

}  // namespace

void ToolSlotsState::open(ToolSlotsParts parts) {
  parts_ = std::move(parts);
  lanes_[0].limit = std::size_t{2} * parts_.script_slots;
  lanes_[1].limit = parts_.script_slots;
}

ToolSlotsState::~ToolSlotsState() {
  for (const auto& worker : workers_) caf::anon_send_exit(worker, caf::exit_reason::user_shutdown);
}

ToolSlotsState::Lane& ToolSlotsState::lane_of(const Job& job) { return lanes_[job.parts().script ? 1 : 0]; }

void ToolSlotsState::on_run(RunJob& message) {
  auto& job = message.job;
  auto& lane = lane_of(*job);
  if (lane.running < lane.limit) return dispatch(job, lane);
  if (lane.waiting.size() >= parts_.queue_max) {
    return job->answer(AttemptFailed{
        job->parts().ref,
        Failure{FailureClass::overloaded, std::to_string(parts_.queue_max) + " jobs wait for a slot already", {}},
        {},
        {}});
  }
  job->ticket = ++tickets_;
  if (const auto& wait = job->parts().queue_timeout) caf::delayed_anon_send(ToolSlots(self_), *wait, JobQueueOver{job});
  lane.waiting.emplace(job->ticket, std::move(job));
}

void ToolSlotsState::dispatch(const JobPtr& job, Lane& lane) {
  ++lane.running;
  if (idle_.empty()) {
    workers_.push_back(spawn_blocking(*self_, parts_.own_threads, job_worker, ToolSlots(self_), parts_.alive));
    idle_.push_back(workers_.back());
  }
  caf::anon_send(idle_.back(), RunJob{job});
  idle_.pop_back();
}

JobPtr ToolSlotsState::take(const JobPtr& job) {
  auto& waiting = lane_of(*job).waiting;
  const auto entry = waiting.find(job->ticket);
  if (entry == waiting.end()) return nullptr;
  auto found = std::move(entry->second);
  waiting.erase(entry);
  return found;
}

void ToolSlotsState::on_withdraw(const WithdrawJob& message) {
  if (const auto job = take(message.job)) job->answer(AttemptCancelled{job->parts().ref});
}

void ToolSlotsState::on_queue_over(const JobQueueOver& message) {
  const auto job = take(message.job);
  if (!job) return;
  job->answer(AttemptFailed{job->parts().ref, no_slot_within(job->parts().queue_timeout), {}, {}});
}

void ToolSlotsState::on_freed(SlotFreed& message) {
  auto& lane = lanes_[message.script ? 1 : 0];
  --lane.running;
  idle_.push_back(std::move(message.worker));
  if (lane.waiting.empty()) return;
  const auto next = lane.waiting.begin();
  const auto job = std::move(next->second);
  lane.waiting.erase(next);
  dispatch(job, lane);
}

ToolSlots::behavior_type tool_slots(ToolSlots::stateful_pointer<ToolSlotsState> self, ToolSlotsParts parts) {
  die_quietly(self);
  self->state.open(std::move(parts));
  return {[self](RunJob& message) { self->state.on_run(message); },
          [self](const WithdrawJob& message) { self->state.on_withdraw(message); },
          [self](const JobQueueOver& message) { self->state.on_queue_over(message); },
          [self](SlotFreed& message) { self->state.on_freed(message); }};
}

}  // namespace hillstar::actors
