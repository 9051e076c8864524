// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/quota.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <vector>

using namespace hillstar;
using namespace hillstar::stream;

namespace {

constexpr std::int64_t kSecond = 1'000'000;
const UtcTime kNoon{1'800'000'000 * kSecond - 1'800'000'000 * kSecond % (86'400 * kSecond) + 43'200 * kSecond};

UtcTime later(std::int64_t seconds) { return {kNoon.micros + seconds * kSecond}; }
RunId run(int number) { return RunId("run" + std::to_string(number)); }

/// The same by counting everything again each time.
struct Model {
  struct One {
    UtcTime accepted;
    std::map<std::int64_t, std::int64_t> cost_by_day;
    std::uint64_t bytes = 0;
    bool open = true;
  };
  std::map<int, One> runs;

  std::uint32_t since(UtcTime now, Millis window) const {
    std::uint32_t count = 0;
    for (const auto& [number, one] : runs)
      if (one.accepted.micros > now.micros - window.count() * 1000) ++count;
    return count;
  }
  std::int64_t today(UtcTime now) const {
    std::int64_t sum = 0;
    for (const auto& [number, one] : runs)
      for (const auto& [day, cost] : one.cost_by_day)
        if (day == day_of(now).micros) sum += cost;
    return sum;
  }
  std::uint64_t bytes() const {
    std::uint64_t sum = 0;
    for (const auto& [number, one] : runs) sum += one.bytes;
    return sum;
  }
  bool is_full(const Quota& quota, UtcTime now) const {
    return (quota.runs_per_hour && since(now, kQuotaHour) >= *quota.runs_per_hour) ||
           (quota.runs_per_day && since(now, kQuotaDay) >= *quota.runs_per_day) ||
           (quota.cost_per_day && today(now) >= quota.cost_per_day->count) ||
           (quota.stored_bytes && bytes() >= *quota.stored_bytes);
  }
  /// As the store would tell it after a restart.
  Usage counted(UtcTime now) const {
    Usage usage;
    for (const auto& [number, one] : runs) {
      usage.accept(one.accepted);
      std::int64_t all = 0;
      std::int64_t before = 0;
      for (const auto& [day, cost] : one.cost_by_day) {
        all += cost;
        if (day < day_of(now).micros) before += cost;
      }
      usage.meter(run(number), {all}, {before}, one.bytes, now);
      if (!one.open) usage.end(run(number), now);
    }
    return usage;
  }
};

}  // namespace

TEST_CASE("quota: so many runs an hour and a day, and it says when there is room again") {
  Usage usage;
  const Quota quota{2, 3, {}, {}};
  for (const auto second : {0, 1800}) {
    CHECK(!excess(usage, quota, "w/e", later(second)));
    usage.accept(later(second));
  }
  const auto full = excess(usage, quota, "w/e", later(3599));
  REQUIRE(full);
  CHECK(full->error.code == Errc::rate_limited);
  CHECK(full->error.where == "w/e");
  CHECK(full->error.message.find("2 runs in the last 60 minutes") != std::string::npos);
  CHECK(full->room_at == later(3600));
  CHECK(!excess(usage, quota, "w/e", later(3600)));
  usage.accept(later(3600));
  const auto of_day = excess(usage, quota, "w/e", later(7200));
  REQUIRE(of_day);
  CHECK(of_day->error.message.find("3 runs in the last 24 hours") != std::string::npos);
  CHECK(of_day->room_at == later(86'400));
  CHECK(!excess(usage, quota, "w/e", later(86'400)));
}

TEST_CASE("quota: a run that did not begin is not counted, and a clock that was wrong does not count for ever") {
  Usage usage;
  const Quota quota{1, {}, {}, {}};
  usage.accept(kNoon);
  usage.withdraw(kNoon);
  usage.withdraw(kNoon);
  CHECK(!excess(usage, quota, "w/e", kNoon));
  usage.accept(later(3 * 86'400));
  CHECK(!excess(usage, quota, "w/e", kNoon));
  usage.accept(kNoon);
  CHECK(excess(usage, quota, "w/e", kNoon));
  CHECK(excess(usage, quota, "w/e", later(-60)));
}

TEST_CASE("quota: money of the day, also of runs that began before it") {
  Usage usage;
  const Quota quota{{}, {}, MicroUsd{1'000'000}, {}};
  usage.meter(run(1), {5'000'000}, {4'500'000}, 0, kNoon);
  CHECK(usage.cost_today(kNoon).count == 500'000);
  usage.meter(run(1), {5'400'000}, {}, 0, kNoon);
  CHECK(usage.cost_today(kNoon).count == 900'000);
  usage.end(run(1), kNoon);
  CHECK(!excess(usage, quota, "w/e", kNoon));
  usage.meter(run(2), {100'000}, {}, 0, kNoon);
  const auto full = excess(usage, quota, "w/e", kNoon);
  REQUIRE(full);
  CHECK(full->error.message.find("spent 1.00 US dollars today") != std::string::npos);
  CHECK(full->room_at == later(43'200));
  CHECK(!excess(usage, quota, "w/e", later(43'200)));
  usage.meter(run(2), {150'000}, {}, 0, later(43'201));
  CHECK(usage.cost_today(later(43'201)).count == 50'000);
}

TEST_CASE("quota: bytes that are kept") {
  Usage usage;
  const Quota quota{{}, {}, {}, 1'000};
  usage.meter(run(1), {}, {}, 600, kNoon);
  usage.end(run(1), kNoon);
  usage.meter(run(2), {}, {}, 300, kNoon);
  CHECK(!excess(usage, quota, "w/e", kNoon));
  usage.meter(run(2), {}, {}, 400, kNoon);
  const auto full = excess(usage, quota, "w/e", kNoon);
  REQUIRE(full);
  CHECK(!full->room_at);
  CHECK(full->error.hint.find("gc") != std::string::npos);
}

TEST_CASE("quota: the answers are those of counting everything again, also after restarts") {
  const auto seed = std::random_device()();
  CAPTURE(seed);
  std::mt19937 dice(seed);
  const auto roll = [&](int most) { return static_cast<int>(dice() % static_cast<unsigned>(most)); };
  for (int sequence = 0; sequence < 3'000; ++sequence) {
    Quota quota;
    if (roll(2) == 0) quota.runs_per_hour = 1 + roll(6);
    if (roll(2) == 0) quota.runs_per_day = 1 + roll(12);
    if (roll(2) == 0) quota.cost_per_day = MicroUsd{1 + roll(300)};
    if (roll(2) == 0) quota.stored_bytes = 1 + roll(3'000);
    Usage usage;
    Model model;
    auto now = kNoon;
    int numbers = 0;
    for (int step = 0; step < 60; ++step) {
      now.micros += roll(3) == 0 ? roll(20'000) * kSecond : roll(900) * kSecond;
      const auto said = excess(usage, quota, "w/e", now);
      REQUIRE(said.has_value() == model.is_full(quota, now));
      if (said && said->room_at) {
        REQUIRE(*said->room_at > now);
        const UtcTime just_before{said->room_at->micros - 1};
        const bool of_runs = said->error.message.find("accepted") != std::string::npos;
        if (of_runs) REQUIRE(model.is_full(Quota{quota.runs_per_hour, quota.runs_per_day, {}, {}}, just_before));
        if (of_runs) REQUIRE(!model.is_full(Quota{quota.runs_per_hour, quota.runs_per_day, {}, {}}, *said->room_at));
      }
      if (!said || roll(4) == 0) {
        const auto number = ++numbers;
        usage.accept(now);
        usage.meter(run(number), {}, {}, 0, now);
        model.runs[number].accepted = now;
      }
      for (auto& [number, one] : model.runs) {
        if (!one.open || roll(3) != 0) continue;
        one.cost_by_day[day_of(now).micros] += roll(40);
        one.bytes += static_cast<std::uint64_t>(roll(200));
        std::int64_t all = 0;
        for (const auto& [day, cost] : one.cost_by_day) all += cost;
        usage.meter(run(number), {all}, {}, one.bytes, now);
        if (roll(3) == 0) usage.end(run(number), now), one.open = false;
      }
      if (roll(10) == 0) usage = model.counted(now);
    }
  }
}
