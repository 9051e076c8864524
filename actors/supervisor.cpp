// SPDX-License-Identifier: Apache-2.0
#include "actors/supervisor.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <utility>

#include "actors/run_actor.hpp"
#include "actors/run_context.hpp"
#include "runtime/run/run.hpp"

namespace hillstar::actors {
SupervisorState::~SupervisorState() {
  for (const auto& [run, live] : live_) caf::anon_send_exit(live.actor, caf::exit_reason::kill);
}

void SupervisorState::open(SupervisorParts parts) {
  parts_ = std::move(parts);
  known_.hold(parts_.services);
  clock_ahead_ = clock_ahead();
  caf::delayed_anon_send(Supervisor(self_), kClockLook, ClockLook{});
  for (const auto& row : parts_.recover) {
    auto& live = live_[row.run];
    live.environment = known_.share(parts_.environment);
    if (stream::phase_of(row) != stream::Phase::moving) {
      put_to_sleep(row.run, live, row.due);
      continue;
    }
    wake(row.run, live, std::nullopt);
  }
  parts_.recover.clear();
}

RunActor SupervisorState::spawn_run(const RunId& run, const Live& live, const KnownPlans::RulesPtr& rules) {
  auto redactor = known_.redactor(*live.environment, rules);
  auto actor = self_->spawn<caf::monitored>(run_actor, parts_.services,
                                            RunBirth{run, *live.environment, std::move(redactor), rules, live.kept},
                                            Supervisor(self_));
  by_actor_.emplace(actor->id(), run);
  return actor;
}

void SupervisorState::on_start(StartRequest& message) {
  if (stopping_) return;
  const auto kept = known_.keep(*message.request);
  if (!kept) return message.reply.answer(kept.error());
  const auto& services = *parts_.services;
  const auto run = message.request->run ? *message.request->run : services.ids->new_run(services.clock->utc_now());
  if (message.request->run && (live_.contains(run) || services.store->summary(run)))
    return message.reply.answer(Error{Errc::run_state, "A run of this id was started before.", run.str()});
  // Scripts may write there at once. If it fails, the exporter says so.
  if (const auto& folder = message.request->output_dir; !folder.empty())
    (void)prepare_output_folder(folder, message.request->plan->workflow.str(), message.request->workspace);
  auto& live = live_[run];
  live.environment = known_.share(message.request->environment);
  live.actor = spawn_run(run, live, kept->rules);
  const auto& plan = *kept->plan;
  auto birth = std::make_shared<const Birth>(Birth{std::move(*message.request), plan.workflow_sha256, plan.plan_sha256,
                                                   plan.index, plan.routes, plan.routes_sha256, plan.guard,
                                                   plan.rules_sha256, kept->air_gapped});
  caf::anon_send(live.actor, BeginRun{std::move(birth), std::move(message.reply)});
}

void SupervisorState::on_restart(const RestartRun& message) {
  const auto entry = live_.find(message.run);
  if (stopping_ || entry == live_.end() || entry->second.actor || entry->second.asleep) return;
  wake(message.run, entry->second, std::nullopt);
}

bool SupervisorState::take_up(const RunId& run, const std::vector<std::string>& environment,
                              std::optional<TellRun> told) {
  const auto row = parts_.services->store->summary(run);
  if (stopping_ || !row || run::is_terminal(*row)) return false;
  auto& live = live_[run];
  live.environment = known_.share(environment);
  wake(run, live, std::move(told));
  return true;
}

// -- what people say ----------------------------------------------------------------------------------

void SupervisorState::on_tell(TellRun& message) {
  const auto entry = live_.find(message.run);
  if (entry != live_.end() && entry->second.actor) {
    ++entry->second.told;
    cool(entry->second);
    return caf::anon_send(entry->second.actor, std::move(message));
  }
  if (entry != live_.end() && entry->second.asleep && !stopping_)
    return wake(entry->first, entry->second, std::move(message));
  if (entry != live_.end() || !take_up(message.run, parts_.environment, message))
    message.reply.answer(Error{Errc::run_state, "the run is not live", message.run.str()});
}

void SupervisorState::on_set_environment(SetEnvironment& message) {
  const auto entry = live_.find(message.run);
  if (entry == live_.end()) {
    // What was just taken up has it already, and may have come to its end before a message reaches it.
    if (take_up(message.run, message.environment, std::nullopt)) return message.reply.answer(true);
    return message.reply.answer(Error{Errc::run_state, "the run is not live", message.run.str()});
  }
  auto& live = entry->second;
  live.environment = known_.share(message.environment);
  message.redactor = known_.redactor(message.environment, nullptr);
  if (!live.actor) return message.reply.answer(true);
  ++live.told;
  caf::anon_send(live.actor, std::move(message));
}

void SupervisorState::on_list(const ListLive& message) {
  std::vector<RunId> runs;
  runs.reserve(live_.size());
  for (const auto& [run, live] : live_) runs.push_back(run);
  std::sort(runs.begin(), runs.end());
  message.reply.answer(std::move(runs));
}

void SupervisorState::on_stop(StopAll& message) {
  stopping_ = true;
  stop_ = std::move(message.reply);
  for (const auto& [run, live] : live_)
    if (live.actor) caf::anon_send(live.actor, StopRun{});
  answer_stop_if_done();
}

void SupervisorState::on_down(const caf::down_msg& message) {
  const auto actor = by_actor_.find(message.source.id());
  if (actor == by_actor_.end()) return;
  const auto run = std::move(actor->second);
  by_actor_.erase(actor);
  const auto entry = live_.find(run);
  if (entry == live_.end()) return;
  cool(entry->second);
  const bool ended = !message.reason || message.reason.category() == kRunExitCategory;
  if (ended || stopping_)
    live_.erase(entry);  // terminal, parked or stopped: it says which itself
  else
    died(run, entry->second);
  if (stopping_) answer_stop_if_done();
}

void SupervisorState::died(const RunId& run, Live& live) {
  live.actor = nullptr;
  if (++live.deaths > kRestartsMax) {
    const Error error{Errc::internal, "the run's actor died too often; the run is parked", "run " + run.str(),
                      "Its history is intact: resume it with a new program."};
    caf::anon_send(parts_.services->feed, RunParked{run, error});
    live_.erase(run);
    return;
  }
  caf::delayed_anon_send(Supervisor(self_), kRestartWait * (1U << (live.deaths - 1)), RestartRun{run});
}

void SupervisorState::answer_stop_if_done() {
  const auto lives = std::any_of(live_.begin(), live_.end(), [](const auto& item) { return bool(item.second.actor); });
  if (!lives) std::exchange(stop_, {}).answer(true);
}

Supervisor::behavior_type supervisor(Supervisor::stateful_pointer<SupervisorState> self, SupervisorParts parts) {
  die_quietly(self);
  self->set_down_handler([self](caf::down_msg& message) { self->state.on_down(message); });
  self->state.open(std::move(parts));
  return {[self](StartRequest& message) { self->state.on_start(message); },
          [self](const RestartRun& message) { self->state.on_restart(message); },
          [self](TellRun& message) { self->state.on_tell(message); },
          [self](SetEnvironment& message) { self->state.on_set_environment(message); },
          [self](const ListLive& message) { self->state.on_list(message); },
          [self](const SleepAsked& message) { self->state.on_sleep_asked(message); },
          [self](WakeDue) { self->state.on_wake_due(); },
          [self](ClockLook) { self->state.on_clock_look(); },
          [self](StopAll& message) { self->state.on_stop(message); }};
}

}  // namespace hillstar::actors
