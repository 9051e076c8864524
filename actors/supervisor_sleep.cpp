// SPDX-License-Identifier: Apache-2.0
// Runs that sleep: they wait for their turn, for a person or for a time, and have no actor meanwhile. The supervisor
// remembers them, and takes them up again when they are told something or their time has come. And the clock: who waits
// for an hour of the day must hear of it when that comes sooner than the steady clock says.
#include <algorithm>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <chrono>
#include <utility>

#include "actors/run_actor.hpp"
#include "actors/supervisor.hpp"

namespace hillstar::actors {

void SupervisorState::put_to_sleep(const RunId& run, Live& live, std::optional<UtcTime> due) {
  live.asleep = true;
  live.actor = nullptr;
  if (!due) return;
  dues_.emplace(*due, run);
  arm_wake();
}

void SupervisorState::cool(Live& live) {
  if (std::exchange(live.warm, false)) --warm_;
}

void SupervisorState::wake(const RunId& run, Live& live, std::optional<TellRun> told) {
  live.asleep = false;
  live.told = 0;
  live.actor = spawn_run(run, live, nullptr);
  caf::anon_send(live.actor, BeginRun{nullptr, {}, std::move(told)});
}

void SupervisorState::on_sleep_asked(const SleepAsked& message) {
  const auto entry = live_.find(message.run);
  if (entry == live_.end() || !entry->second.actor) return;
  auto& live = entry->second;
  const bool free = !stopping_ && live.told == message.told;
  // Its turn is likely to come soon: an actor that stays costs less than one that goes and comes back.
  if (free && message.waits_turn && !live.warm && warm_ < parts_.warm_max) {
    live.warm = true;
    ++warm_;
  }
  const bool granted = free && !live.warm;
  caf::anon_send(live.actor, Sleep{granted, message.told});
  if (!granted) return;
  by_actor_.erase(live.actor->id());
  live.kept = message.kept;
  put_to_sleep(message.run, live, message.due);
}

void SupervisorState::arm_wake() {
  if (dues_.empty() || stopping_) return;
  const auto& first = dues_.begin()->first;
  if (wake_armed_ && *wake_armed_ <= first) return;
  wake_armed_ = first;
  const auto wait = std::clamp(first - parts_.services->clock->utc_now() + Millis{1}, Millis{1}, kWakeLook);
  caf::delayed_anon_send(Supervisor(self_), wait, WakeDue{});
}

void SupervisorState::on_wake_due() {
  wake_armed_.reset();
  if (stopping_) return;
  const auto now = parts_.services->clock->utc_now();
  while (!dues_.empty() && dues_.begin()->first <= now) {
    const auto run = dues_.begin()->second;
    dues_.erase(dues_.begin());
    // It may have been woken, and even have slept again, meanwhile: then this is one look too many.
    const auto entry = live_.find(run);
    if (entry != live_.end() && entry->second.asleep) wake(run, entry->second, std::nullopt);
  }
  arm_wake();
}

Millis SupervisorState::clock_ahead() const {
  const auto& clock = *parts_.services->clock;
  const auto steady = std::chrono::floor<Millis>(clock.steady_now().time_since_epoch());
  return Millis(clock.utc_now().micros / 1'000) - steady;
}

void SupervisorState::on_clock_look() {
  if (stopping_) return;
  caf::delayed_anon_send(Supervisor(self_), kClockLook, ClockLook{});
  const auto before = std::exchange(clock_ahead_, clock_ahead());
  if (std::chrono::abs(clock_ahead_ - before) < kClockMoved) return;
  for (const auto& [run, live] : live_)
    if (live.actor) caf::anon_send(live.actor, ClockMoved{});
  on_wake_due();
}

}  // namespace hillstar::actors
