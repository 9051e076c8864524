// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/stream.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace hillstar::stream {
namespace {

RunId id(unsigned number) { return RunId("r" + std::to_string(number)); }

StreamState stream_of(std::uint32_t concurrent, std::uint32_t queued, Overflow overflow = Overflow::reject) {
  StreamDeclared fact;
  fact.stream = "w/e";
  fact.entry.id = "e";
  fact.entry.max_concurrent = concurrent;
  fact.entry.max_queued = queued;
  fact.entry.overflow = overflow;
  StreamState state;
  evolve(state, fact, UtcTime{1});
  return state;
}

/// One offer, durable at once. The run's number is the next one.
struct Bench {
  StreamState state;
  Crowd crowd;
  unsigned last = 0;

  Verdict offer(TriggerKind kind = TriggerKind::api) {
    const auto verdict = admit(state, crowd, kind, 0);
    if (verdict == Verdict::drop) crowd.leave(*crowd.first());
    if (verdict == Verdict::start || verdict == Verdict::queue || verdict == Verdict::drop) {
      crowd.accept(id(++last), verdict != Verdict::start);
      crowd.accepted(id(last));
    }
    return verdict;
  }
};

TEST_CASE("stream: runs start while there are places, then wait in order, then are refused") {
  Bench bench{stream_of(2, 2), {}};
  CHECK(bench.offer() == Verdict::start);
  CHECK(bench.offer() == Verdict::start);
  CHECK(bench.offer() == Verdict::queue);
  CHECK(bench.offer() == Verdict::queue);
  CHECK(bench.offer() == Verdict::refuse);
  CHECK(next(bench.state, bench.crowd) == nullptr);
  bench.crowd.leave(id(1));
  REQUIRE(next(bench.state, bench.crowd) != nullptr);
  CHECK(*next(bench.state, bench.crowd) == id(3));
  const auto error = refusal(bench.state, Verdict::refuse);
  CHECK(error.code == Errc::stream_full);
  CHECK(error.where == "w/e");
}

TEST_CASE("stream: nobody overtakes a run whose acceptance is not durable yet") {
  auto state = stream_of(1, 5);
  Crowd crowd;
  crowd.accept(id(1), false);
  crowd.accept(id(2), true);
  crowd.accept(id(3), true);
  crowd.accepted(id(3));
  crowd.leave(id(1));
  CHECK(next(state, crowd) == nullptr);
  crowd.accepted(id(2));
  REQUIRE(next(state, crowd) != nullptr);
  CHECK(*next(state, crowd) == id(2));
}

TEST_CASE("stream: a run that waits for a person gives its place back, and goes on without asking for one") {
  Bench bench{stream_of(1, 1), {}};
  bench.offer();
  bench.offer();
  bench.crowd.move(id(1), Phase::resting);
  REQUIRE(next(bench.state, bench.crowd) != nullptr);
  bench.crowd.move(id(2), Phase::moving);
  CHECK(bench.crowd.moving() == 1);
  bench.crowd.move(id(1), Phase::moving);
  CHECK(bench.crowd.moving() == 2);
  bench.crowd.leave(id(2));
  CHECK(next(bench.state, bench.crowd) == nullptr);
}

TEST_CASE("stream: a full queue drops the one that waits longest, if that is what its author wants") {
  Bench bench{stream_of(1, 2, Overflow::drop_oldest), {}};
  for (int i = 0; i < 3; ++i) bench.offer();
  CHECK(bench.offer() == Verdict::drop);
  CHECK(!bench.crowd.has(id(2)));
  CHECK(*bench.crowd.first() == id(3));
  CHECK(bench.crowd.queued() == 2);
}

TEST_CASE("stream: with overflow wait callers stand in line, and new ones behind them") {
  const auto state = stream_of(1, 0, Overflow::wait);
  Crowd crowd;
  CHECK(admit(state, crowd, TriggerKind::api, 1) == Verdict::wait);
  CHECK(admit(state, crowd, TriggerKind::api, 0) == Verdict::start);
  crowd.accept(id(1), false);
  CHECK(admit(state, crowd, TriggerKind::api, 0) == Verdict::wait);
  CHECK(admit(state, crowd, TriggerKind::api, kCallersMax) == Verdict::refuse);
}

TEST_CASE("stream: a held stream accepts and starts nothing, a removed one accepts nothing") {
  Bench bench{stream_of(3, 3), {}};
  evolve(bench.state, StreamHeld{"me", "disk"}, UtcTime{2});
  CHECK(bench.offer() == Verdict::queue);
  CHECK(next(bench.state, bench.crowd) == nullptr);
  evolve(bench.state, StreamReleased{"me"}, UtcTime{3});
  CHECK(next(bench.state, bench.crowd) != nullptr);
  evolve(bench.state, StreamRemoved{"me"}, UtcTime{4});
  CHECK(bench.offer() == Verdict::refuse);
  CHECK(refusal(bench.state, Verdict::refuse).code == Errc::not_found);
}

TEST_CASE("stream: a timer's runs overlap, wait or are skipped, as its author says") {
  for (const auto& [overlap, second] :
       {std::pair{Overlap::allow, Verdict::start}, {Overlap::queue, Verdict::queue}, {Overlap::skip, Verdict::skip}}) {
    Bench bench{stream_of(5, 5), {}};
    bench.state.declared.entry.trigger = TriggerKind::timer;
    bench.state.declared.entry.overlap = overlap;
    CHECK(bench.offer(TriggerKind::timer) == Verdict::start);
    CHECK(bench.offer(TriggerKind::timer) == second);
    bench.crowd.leave(id(1));
    CHECK((next(bench.state, bench.crowd) != nullptr) == (overlap == Overlap::queue));
  }
}

TEST_CASE("stream: what a restart finds stands in line as before, and tickets go on") {
  const auto state = stream_of(1, 9);
  Crowd crowd;
  crowd.found(id(5), Phase::queued, 5);
  crowd.found(id(3), Phase::queued, 3);
  crowd.found(id(1), Phase::moving, std::nullopt);
  crowd.found(id(2), Phase::resting, std::nullopt);
  CHECK(crowd.started() == 2);
  CHECK(*crowd.first() == id(3));
  CHECK(crowd.accept(id(6), true) == 6);
}

TEST_CASE("stream: a history folds to what holds now, and a run's fact in it is a bug") {
  auto state = stream_of(1, 1);
  evolve(state, TimerFired{UtcTime{50}, id(1), {}}, UtcTime{51});
  evolve(state, TimerFired{UtcTime{40}, {}, "late"}, UtcTime{52});
  evolve(state, CursorMoved{7}, UtcTime{53});
  CHECK(state.last_due == UtcTime{50});
  CHECK(state.cursor == 7);
  CHECK(state.version == 4);
  CHECK(row_of(state, RunId("S1")).reason == "w/e");
  CHECK_THROWS_AS(evolve(state, RunAdmitted{}, UtcTime{54}), InvariantError);
  auto other = state.declared;
  other.declared_by = "somebody else";
  CHECK(is_same(state.declared, other));
  other.entry.max_queued = 2;
  CHECK(!is_same(state.declared, other));
}

/// Plays one stream at random, and keeps its own books.
struct Player {
  std::mt19937 chance;
  Overflow overflow;
  std::uint32_t places;
  std::uint32_t room;
  Bench bench{stream_of(places, room, overflow), {}};
  std::vector<RunId> pending = {}, moving = {}, resting = {};
  std::uint64_t last_ticket = 0;

  RunId pick(std::vector<RunId>& from) {
    const auto at = chance() % from.size();
    auto run = from[at];
    from.erase(from.begin() + static_cast<std::ptrdiff_t>(at));
    return run;
  }
  [[nodiscard]] bool is_pending(const RunId& run) const {
    return std::find(pending.begin(), pending.end(), run) != pending.end();
  }
  void offer() {
    const auto verdict = admit(bench.state, bench.crowd, TriggerKind::api, 0);
    if (verdict == Verdict::drop) bench.crowd.leave(*bench.crowd.first());
    if (verdict != Verdict::start && verdict != Verdict::queue && verdict != Verdict::drop) return;
    const auto run = id(++bench.last);
    const auto ticket = bench.crowd.accept(run, verdict != Verdict::start);
    CHECK(ticket.has_value() == (verdict != Verdict::start));
    if (ticket) CHECK(*ticket > std::exchange(last_ticket, *ticket));
    pending.push_back(run);
    if (!ticket) moving.push_back(run);
  }
  void rest() {
    const auto run = pick(moving);
    if (is_pending(run)) return moving.push_back(run);
    bench.crowd.move(run, Phase::resting);
    resting.push_back(run);
  }
  void play() {
    const auto what = chance() % 6;
    if (what < 2) return offer();
    if (what == 2 && !pending.empty()) bench.crowd.accepted(pick(pending));
    if (what == 3 && !moving.empty()) bench.crowd.leave(pick(moving));
    if (what == 4 && !moving.empty()) rest();
    if (what != 5 || resting.empty()) return;
    const auto run = pick(resting);
    bench.crowd.move(run, Phase::moving);
    moving.push_back(run);
  }
  void check() {
    const bool above = bench.crowd.moving() > places;  // people may bring runs back beyond the places
    while (const auto* run = next(bench.state, bench.crowd)) {
      CHECK(!above);
      const auto turn = *run;
      bench.crowd.move(turn, Phase::moving);
      moving.push_back(turn);
      CHECK(bench.crowd.moving() <= places);
    }
    CHECK(bench.crowd.queued() <= room);
    CHECK(bench.crowd.moving() == moving.size());
    CHECK(bench.crowd.started() == moving.size() + resting.size());
  }
};

TEST_CASE("stream: no order of what happens loses a run, overtakes one, or gives away a place twice") {
  for (unsigned seed = 1; seed <= 2000; ++seed) {
    CAPTURE(seed);
    std::mt19937 chance(seed);
    Player player{chance, static_cast<Overflow>(seed % 3), 1 + seed % 4, seed / 7 % 5};
    for (int i = 0; i < 200; ++i) {
      player.play();
      player.check();
    }
  }
}

}  // namespace
}  // namespace hillstar::stream
