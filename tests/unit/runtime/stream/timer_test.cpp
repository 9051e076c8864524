// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/timer.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace hillstar;
using namespace hillstar::stream;

namespace {

UtcTime at(const char* time) {
  const auto parsed = from_rfc3339(std::string("2026-11-") + time + ".000000Z");
  REQUIRE(parsed);
  return *parsed;
}

Timer hourly(CatchUp catch_up = CatchUp::skip) {
  TimerTrigger trigger;
  trigger.cron = "0 * * * *";
  trigger.catch_up = catch_up;
  return *make_timer("w/t", trigger, {});
}

Timer every(Millis wait, CatchUp catch_up = CatchUp::skip) {
  TimerTrigger trigger;
  trigger.every = wait;
  trigger.catch_up = catch_up;
  return *make_timer("w/t", trigger, {});
}

std::string told(const Firings& firings) {
  std::string text;
  for (const auto& firing : firings.now)
    text += to_rfc3339(firing.due).substr(8, 11) + firing.skipped.value_or("") + ";";
  return text;
}

}  // namespace

TEST_CASE("timer: fires when it is due, and says when it is due next") {
  const TimerState state{at("22T10:30:00"), {}};
  CHECK(told(firings_at(hourly(), state, at("22T10:59:59"))).empty());
  CHECK(firings_at(hourly(), state, at("22T10:59:59")).next_due == at("22T11:00:00"));
  const auto fired = firings_at(hourly(), state, at("22T11:00:00"));
  CHECK(told(fired) == "22T11:00:00;");
  CHECK(fired.next_due == at("22T12:00:00"));
  CHECK(fired.wake_at == fired.next_due);
  CHECK(told(firings_at(hourly(), {state.declared, at("22T11:00:00")}, at("22T11:00:30"))).empty());
}

TEST_CASE("timer: intervals are counted from when the stream was declared") {
  const auto timer = every(Millis(90'000));
  const TimerState state{at("22T10:00:10"), {}};
  CHECK(firings_at(timer, state, at("22T10:00:10")).next_due == at("22T10:01:40"));
  CHECK(told(firings_at(timer, state, at("22T10:01:40"))) == "22T10:01:40;");
  CHECK(firings_at(timer, {state.declared, at("22T10:01:40")}, at("22T10:02:00")).next_due == at("22T10:03:10"));
  CHECK_FALSE(make_timer("s", {}, {}));
  TimerTrigger both;
  both.cron = "* * * * *";
  both.every = Millis(1);
  CHECK_FALSE(make_timer("s", both, {}));
  both.every.reset();
  both.cron = "nonsense";
  CHECK_FALSE(make_timer("s", both, {}));
}

TEST_CASE("timer: missed firings are skipped, made up for once, or each") {
  const TimerState state{at("22T00:00:00"), at("22T10:00:00")};
  const auto now = at("22T14:30:00");
  CHECK(told(firings_at(hourly(), state, now)) == "22T14:00:004 firings missed (catch_up: skip);");
  CHECK(told(firings_at(hourly(CatchUp::once), state, now)) == "22T14:00:00;");
  CHECK(told(firings_at(hourly(CatchUp::all), state, now)) == "22T11:00:00;22T12:00:00;22T13:00:00;22T14:00:00;");
  for (const auto policy : {CatchUp::skip, CatchUp::once, CatchUp::all})
    CHECK(firings_at(hourly(policy), state, now).next_due == at("22T15:00:00"));
  SUBCASE("the one that is due now is not missed") {
    CHECK(told(firings_at(hourly(), state, at("22T14:00:59"))) ==
          "22T13:00:003 firings missed (catch_up: skip);22T14:00:00;");
    CHECK(told(firings_at(hourly(CatchUp::once), state, at("22T14:00:59"))) == "22T13:00:00;22T14:00:00;");
  }
}

TEST_CASE("timer: years of downtime cost no more than the newest thousand") {
  const TimerState state{{0}, {}};
  const auto now = at("22T14:30:00");
  for (const auto& timer : {every(Millis(100), CatchUp::all), every(Millis(60'000), CatchUp::all)}) {
    const auto firings = firings_at(timer, state, now);
    CHECK(firings.now.size() >= kCatchUpMax);
    CHECK(firings.now.size() <= kCatchUpMax + 3);
    CHECK(firings.now.front().skipped);
    CHECK(firings.now.front().skipped->starts_with("more than "));
    CHECK(firings.next_due > now);
    for (std::size_t i = 1; i < firings.now.size(); ++i) CHECK(firings.now[i - 1].due < firings.now[i].due);
  }
  TimerTrigger trigger;
  trigger.cron = "* * * * * *";
  CHECK(firings_at(*make_timer("s", trigger, {}), state, now).now.size() <= 62);
}

TEST_CASE("timer: a clock that is set back repeats nothing, and one that was wrong is left behind") {
  const TimerState state{at("01T00:00:00"), at("22T14:00:00")};
  const auto back = firings_at(hourly(), state, at("22T09:10:00"));
  CHECK(told(back).empty());
  CHECK(back.next_due == at("22T15:00:00"));
  const TimerState wrong{at("01T00:00:00"), at("25T14:00:00")};
  const auto corrected = firings_at(hourly(), wrong, at("22T09:10:00"));
  CHECK(told(corrected).empty());
  CHECK(corrected.next_due == at("22T10:00:00"));
}

TEST_CASE("timer: fires at its start once, and again only if it is declared anew") {
  auto timer = hourly();
  timer.trigger.at_start = true;
  CHECK(told(firings_at(timer, {at("22T10:30:00"), {}}, at("22T10:30:01"))) == "22T10:30:00;");
  CHECK(told(firings_at(timer, {at("22T10:30:00"), at("22T10:30:00")}, at("22T10:30:01"))).empty());
  CHECK(told(firings_at(timer, {at("22T11:30:00"), at("22T11:00:00")}, at("22T11:30:01"))) == "22T11:30:00;");
  CHECK_MESSAGE(
      told(firings_at(hourly(CatchUp::all), {at("22T11:30:00"), at("22T02:00:00")}, at("22T11:30:01"))).empty(),
      "a changed schedule makes up for nothing before it");
}

TEST_CASE("timer: jitter is late, bounded, the same each time, and another for another stream") {
  auto timer = hourly();
  timer.trigger.jitter = Millis(30'000);
  auto other = timer;
  other.stream = "w/u";
  int differ = 0;
  int late = 0;
  for (int hour = 0; hour < 100; ++hour) {
    const UtcTime due{at("01T00:00:00").micros + hour * 3'600'000'000LL};
    const auto jitter = jitter_of(timer, due);
    CHECK(jitter >= Millis(0));
    CHECK(jitter <= Millis(30'000));
    CHECK(jitter == jitter_of(timer, due));
    differ += jitter == jitter_of(other, due) ? 0 : 1;
    late += jitter > Millis(15'000) ? 1 : 0;
  }
  CHECK(differ > 90);
  CHECK(late > 20);
  CHECK(late < 80);
  const auto due = at("22T11:00:00");
  const auto ripe = due + jitter_of(timer, due);
  const TimerState state{at("22T10:30:00"), {}};
  CHECK(firings_at(timer, state, at("22T10:30:00")).wake_at == ripe);
  CHECK(firings_at(timer, state, UtcTime{ripe.micros - 1}).now.empty());
  CHECK(told(firings_at(timer, state, ripe)) == "22T11:00:00;");
}

TEST_CASE("timer: however often it is asked, each firing comes once and none is left out") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    auto timer = random() % 2 == 0 ? hourly(CatchUp::all) : every(Millis(1 + random() % 5'000'000), CatchUp::all);
    if (random() % 2 == 0 && timer.cron) timer.trigger.jitter = Millis(random() % 1'000'000);
    TimerState state{at("01T00:00:00"), {}};
    auto now = state.declared;
    auto expected = due_after(timer, state.declared, state.declared);
    for (int ask = 0; ask < 60; ++ask) {
      now.micros += static_cast<std::int64_t>(random() % 20'000'000'000ULL) / (1 + random() % 1000);
      if (random() % 10 == 0) now.micros -= 3'000'000'000;
      const auto firings = firings_at(timer, state, now);
      for (const auto& firing : firings.now) {
        if (firing.skipped) {
          while (expected && *expected <= firing.due) expected = due_after(timer, state.declared, *expected);
        } else {
          REQUIRE(firing.due == expected);
          expected = due_after(timer, state.declared, *expected);
        }
        state.last_due = firing.due;
      }
      REQUIRE(firings.next_due == expected);
    }
  }
}
