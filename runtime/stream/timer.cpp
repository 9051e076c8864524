// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/timer.hpp"

#include <algorithm>
#include <deque>

namespace hillstar::stream {
namespace {

/// Firings that are looked at one by one; of more, only later ones are.
constexpr std::size_t kWalkMax = 5'000;
constexpr std::int64_t kSecond = 1'000'000;

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

UtcTime ripe_at(const Timer& timer, UtcTime due) { return due + jitter_of(timer, due); }

Millis punctual(const Timer& timer) {
  return timer.trigger.every ? std::min(kPunctual, *timer.trigger.every) : kPunctual;
}

/// From where firings are to be looked for.
UtcTime base_of(const TimerState& state, UtcTime now) {
  // A changed schedule holds from when it was declared: there is nothing to make up for before that.
  const auto base = std::max(state.declared, state.last_due.value_or(state.declared));
  return base - now > kClockBackMax ? now : base;
}

struct Ripe {
  std::deque<UtcTime> dues;  ///< In order.
  bool more = false;         ///< There were older ones.
};

/// Firings after `base` whose time has come; nothing if there are more than kWalkMax of them.
std::optional<Ripe> walk(const Timer& timer, const TimerState& state, UtcTime base, UtcTime now) {
  Ripe ripe;
  for (auto due = due_after(timer, state.declared, base); due && ripe_at(timer, *due) <= now;
       due = due_after(timer, state.declared, *due)) {
    if (ripe.dues.size() == kWalkMax) return std::nullopt;
    ripe.dues.push_back(*due);
  }
  return ripe;
}

Ripe ripe_firings(const Timer& timer, const TimerState& state, UtcTime base, UtcTime now) {
  bool skipped = false;
  while (true) {
    if (auto ripe = walk(timer, state, base, now)) {
      ripe->more = skipped;
      return *std::move(ripe);
    }
    // Too many to look at: the newer half of the time will do.
    base.micros += (now.micros - base.micros) / 2;
    skipped = true;
  }
}

Firing left_out(UtcTime due, std::size_t count, bool more, const std::string& why) {
  return {due, (more ? "more than " : "") + std::to_string(count) + (count == 1 && !more ? " firing" : " firings") +
                   " " + why};
}

/// What becomes of the firings that were missed; all of them are older than the others.
void settle_missed(const Timer& timer, const std::deque<UtcTime>& missed, bool more, std::vector<Firing>& out) {
  switch (timer.trigger.catch_up) {
    case CatchUp::skip:
      out.push_back(left_out(missed.back(), missed.size(), more, "missed (catch_up: skip)"));
      return;
    case CatchUp::once:
      out.push_back({missed.back(), std::nullopt});
      return;
    case CatchUp::all:
      break;
  }
  const auto made = std::min(missed.size(), kCatchUpMax);
  const auto older = missed.size() - made;
  if (older > 0 || more) {
    const auto last = older > 0 ? missed[older - 1] : UtcTime{missed.front().micros - 1};
    out.push_back(
        left_out(last, older, more, "missed, beyond the " + std::to_string(kCatchUpMax) + " that are made up for"));
  }
  for (auto i = older; i < missed.size(); ++i) out.push_back({missed[i], std::nullopt});
}

}  // namespace

Result<Timer> make_timer(std::string stream, const TimerTrigger& trigger, TimeZone zone) {
  if (trigger.cron.has_value() == trigger.every.has_value() || (trigger.every && trigger.every->count() <= 0))
    return Error(Errc::stream_invalid, "A timer has either a cron expression or an interval.", std::move(stream));
  Timer timer{std::move(stream), trigger, std::nullopt, std::move(zone)};
  if (trigger.cron) {
    HILLSTAR_TRY(timer.cron, workflow::parse_cron(*trigger.cron));
  }
  return timer;
}

std::optional<UtcTime> due_after(const Timer& timer, UtcTime declared, UtcTime time) {
  if (!timer.cron) {
    const auto every = timer.trigger.every->count() * 1000;
    const auto passed = std::max<std::int64_t>(0, floor_div(time.micros - declared.micros, every));
    return UtcTime{declared.micros + (passed + 1) * every};
  }
  const auto second = workflow::next_firing(*timer.cron, timer.zone, floor_div(time.micros, kSecond));
  return second ? std::optional(UtcTime{*second * kSecond}) : std::nullopt;
}

Millis jitter_of(const Timer& timer, UtcTime due) {
  if (!timer.trigger.jitter || timer.trigger.jitter->count() <= 0) return Millis(0);
  // Source: FNV-1a, and the finaliser of splitmix64, which spreads neighbouring times.
  std::uint64_t hash = 14'695'981'039'346'656'037U;
  for (const char c : timer.stream) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211U;
  hash += static_cast<std::uint64_t>(due.micros) * 0x9E3779B97F4A7C15U;
  hash = (hash ^ (hash >> 30U)) * 0xBF58476D1CE4E5B9U;
  hash = (hash ^ (hash >> 27U)) * 0x94D049BB133111EBU;
  hash ^= hash >> 31U;
  return Millis(static_cast<std::int64_t>(hash % static_cast<std::uint64_t>(timer.trigger.jitter->count() + 1)));
}

std::string timer_key(UtcTime due) { return "timer:" + to_rfc3339(due); }

Firings firings_at(const Timer& timer, const TimerState& state, UtcTime now) {
  Firings firings;
  const auto base = base_of(state, now);
  const bool starts = timer.trigger.at_start && (!state.last_due || *state.last_due < state.declared);
  if (starts && state.declared <= now) firings.now.push_back({state.declared, std::nullopt});
  auto ripe = ripe_firings(timer, state, base, now);
  const auto last = ripe.dues.empty() ? base : ripe.dues.back();
  const auto late = [&](UtcTime due) { return now - ripe_at(timer, due) > punctual(timer); };
  const auto timely = std::find_if_not(ripe.dues.begin(), ripe.dues.end(), late);
  const std::deque<UtcTime> missed(ripe.dues.begin(), timely);
  if (!missed.empty()) settle_missed(timer, missed, ripe.more, firings.now);
  for (auto due = timely; due != ripe.dues.end(); ++due) firings.now.push_back({*due, std::nullopt});
  firings.next_due = due_after(timer, state.declared, last);
  if (firings.next_due) firings.wake_at = ripe_at(timer, *firings.next_due);
  return firings;
}

}  // namespace hillstar::stream
