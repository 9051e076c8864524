// SPDX-License-Identifier: Apache-2.0
#include "providers/pool/admission.hpp"

#include <doctest/doctest.h>

using namespace hillstar;
using namespace hillstar::providers;
using Tickets = std::vector<Ticket>;

namespace {

constexpr std::int64_t kNoonMicros = 1'795'348'800'000'000;

Moment at(std::int64_t millis) { return {Millis(millis), UtcTime{kNoonMicros + millis * 1'000}}; }
PoolCall call(Ticket ticket, std::uint64_t tokens = 0, MicroUsd cost = {}) {
  return {ticket, "run", "", 1, tokens, cost};
}
PoolOutcome used(std::uint64_t tokens, MicroUsd cost = {}) { return {tokens, cost, {}, false, {}, 0}; }
PoolOutcome broke(FailureClass kind) { return {{}, {}, kind, false, {}, 999'999}; }
PoolOutcome stopped() { return {{}, {}, FailureClass::network, true, {}, 0}; }

}  // namespace

TEST_CASE("admission: lets calls go up to the limit, then in order as others end") {
  Admission pool("p", {.concurrency = 2});
  CHECK(pool.offer(call(1), at(0)).go == Tickets{1});
  CHECK(pool.offer(call(2), at(0)).go == Tickets{2});
  CHECK(pool.offer(call(3), at(0)).go.empty());
  CHECK(pool.offer(call(4), at(0)).go.empty());
  CHECK(pool.ended(2, used(0), at(1)).go == Tickets{3});
  CHECK(pool.ended(2, used(0), at(1)).go.empty());
  CHECK(pool.ended(9, used(0), at(1)).go.empty());
  CHECK(pool.ended(1, used(0), at(1)).go == Tickets{4});
  CHECK(pool.status(at(1)).running == 2);
  CHECK(pool.status(at(1)).waiting == 0);
}

TEST_CASE("admission: what the line cannot hold is refused in words, and there is room again later") {
  Admission pool("acme", {.concurrency = 1, .queue_max = 2});
  for (Ticket ticket = 1; ticket <= 3; ++ticket) CHECK(pool.offer(call(ticket), at(0)).refused.empty());
  const auto step = pool.offer(call(4), at(0));
  REQUIRE(step.refused.size() == 1);
  CHECK(step.refused[0].ticket == 4);
  CHECK(step.refused[0].failure.kind == FailureClass::overloaded);
  CHECK(step.refused[0].failure.message == "2 calls wait for acme, and no more may wait.");
  CHECK(pool.ended(1, used(0), at(0)).go == Tickets{2});
  CHECK(pool.offer(call(4), at(0)).refused.empty());

  Admission no_line("p", {.concurrency = 1, .queue_max = 0});
  CHECK(no_line.offer(call(1), at(0)).go == Tickets{1});
  CHECK(no_line.offer(call(2), at(0)).refused.size() == 1);
  CHECK(no_line.ended(1, used(0), at(0)).go.empty());
}

TEST_CASE("admission: a limit of zero counts as one, and a known ticket is refused") {
  Admission pool("p", {.concurrency = 0});
  CHECK(pool.offer(call(1), at(0)).go == Tickets{1});
  CHECK(pool.offer(call(1), at(0)).refused.size() == 1);
  CHECK(pool.offer(call(2), at(0)).go.empty());
  CHECK(pool.offer(call(2), at(0)).refused.size() == 1);
  CHECK(pool.ended(1, used(0), at(0)).go == Tickets{2});
}

TEST_CASE("admission: a withdrawn call never starts, and who stood behind it moves up") {
  Admission pool("p", {.concurrency = 1});
  pool.offer(call(1), at(0));
  pool.offer(call(2), at(0));
  pool.offer(call(3), at(0));
  CHECK(pool.withdraw(2, at(0)));
  CHECK_FALSE(pool.withdraw(2, at(0)));
  CHECK_FALSE(pool.withdraw(1, at(0)));
  CHECK(pool.ended(1, used(0), at(0)).go == Tickets{3});

  Admission tight("p", {.tpm = 100});
  CHECK(tight.offer(call(1, 50), at(0)).go == Tickets{1});
  CHECK(tight.offer(call(2, 100), at(0)).go.empty());
  CHECK(tight.offer(call(3, 50), at(0)).go.empty());  // would fit, but does not overtake
  CHECK(tight.withdraw(2, at(0))->go == Tickets{3});
}

TEST_CASE("admission: calls of one lane never overlap") {
  Admission pool("p", {.concurrency = 10});
  CHECK(pool.offer({1, "a", "gpu", 1, 0, {}}, at(0)).go == Tickets{1});
  CHECK(pool.offer({2, "b", "gpu", 1, 0, {}}, at(0)).go.empty());
  CHECK(pool.offer({3, "b", "", 1, 0, {}}, at(0)).go == Tickets{3});
  CHECK(pool.ended(3, used(0), at(0)).go.empty());
  CHECK(pool.ended(1, broke(FailureClass::auth), at(0)).go == Tickets{2});
}

TEST_CASE("admission: five calls at once against 100 tokens a minute never pass it") {
  Admission pool("p", {.concurrency = 5, .tpm = 100});
  CHECK(pool.offer(call(1, 60), at(0)).go == Tickets{1});
  for (Ticket ticket = 2; ticket <= 5; ++ticket) CHECK(pool.offer(call(ticket, 60), at(0)).go.empty());
  // The first used less than it might have: the second fits beside it, but the third does not.
  CHECK(pool.ended(1, used(40), at(500)).go == Tickets{2});
  const auto step = pool.ended(2, used(60), at(900));
  CHECK(step.go.empty());
  CHECK(step.wake_at == Millis(60'900));
  CHECK(pool.wake(at(60'899)).go.empty());
  CHECK(pool.wake(at(60'900)).go == Tickets{3});

  // Calls that are larger than the limit by themselves go alone: one in a minute, never two.
  Admission small("p", {.concurrency = 5, .tpm = 100});
  CHECK(small.offer(call(1, 133), at(0)).go == Tickets{1});
  for (Ticket ticket = 2; ticket <= 5; ++ticket) CHECK(small.offer(call(ticket, 133), at(0)).go.empty());
  CHECK(small.ended(1, used(133), at(1'000)).wake_at == Millis(61'000));
  CHECK(small.wake(at(61'000)).go == Tickets{2});
}

TEST_CASE("admission: requests of a minute are counted with the time they are on their way") {
  Admission pool("p", {.rpm = 2});
  CHECK(pool.offer(call(1), at(0)).go == Tickets{1});
  CHECK(pool.offer(call(2), at(500)).go == Tickets{2});
  CHECK(pool.offer(call(3), at(600)).wake_at == Millis(61'000));
  CHECK(pool.ended(1, used(0), at(700)).go.empty());
  CHECK(pool.wake(at(61'000)).go == Tickets{3});
}

TEST_CASE("admission: the day's money is refused with what it was spent on and when there is more") {
  Admission pool("acme", {.usd_per_day = MicroUsd{1'000'000}});
  CHECK(pool.offer(call(1, 0, {600'000}), at(0)).go == Tickets{1});
  CHECK(pool.offer(call(2, 0, {600'000}), at(0)).go.empty());  // fits if the first turns out cheaper
  CHECK(pool.offer(call(3, 0, {1'200'000}), at(0)).refused.size() == 1);
  CHECK(pool.ended(1, used(0, {300'000}), at(1)).go == Tickets{2});
  const auto step = pool.offer(call(4, 0, {710'000}), at(2));
  REQUIRE(step.refused.size() == 1);
  CHECK(step.refused[0].failure.kind == FailureClass::quota);
  CHECK(step.refused[0].failure.message ==
        "A call that may cost 0.71 USD does not fit the budget of acme, 1.00 USD a day: 0.30 spent, 0.60 reserved by "
        "calls in flight; the day ends at 2026-11-23T00:00:00.000000Z.");
  const auto tomorrow = at(86'400'000);
  CHECK(pool.ended(2, broke(FailureClass::network), tomorrow).go.empty());  // unknown: all that was reserved
  CHECK(pool.status(tomorrow).spent == MicroUsd{600'000});
  CHECK(pool.offer(call(5, 0, {400'000}), tomorrow).go == Tickets{5});
}

TEST_CASE("admission: what the next call needs and cannot have any more is refused while it waits") {
  Admission pool("p", {.usd_per_day = MicroUsd{100}});
  CHECK(pool.offer(call(1, 0, {50}), at(0)).go == Tickets{1});
  CHECK(pool.offer(call(2, 0, {60}), at(0)).go.empty());
  CHECK(pool.offer(call(3, 0, {50}), at(0)).go.empty());
  const auto step = pool.ended(1, used(0, {50}), at(1));
  REQUIRE(step.refused.size() == 1);
  CHECK(step.refused[0].ticket == 2);
  CHECK(step.go == Tickets{3});
}

TEST_CASE("admission: an outage closes the backend, one probe at a time finds out when it is over") {
  Admission pool("p", {.concurrency = 10});
  for (Ticket ticket = 1; ticket <= 5; ++ticket) {
    CHECK(pool.offer(call(ticket), at(0)).go == Tickets{ticket});
    pool.ended(ticket, broke(FailureClass::network), at(10));
  }
  const auto step = pool.offer(call(6), at(20));
  CHECK(step.go.empty());
  REQUIRE(step.wake_at);
  const auto probe_at = at(step.wake_at->count());
  CHECK(pool.offer(call(7), at(20)).wake_at == step.wake_at);
  CHECK(pool.wake(probe_at).go == Tickets{6});
  CHECK(pool.offer(call(8), probe_at).wake_at == std::nullopt);  // until the probe has ended
  CHECK(pool.ended(6, used(1), at(8'000)).go == Tickets{7, 8});
}

TEST_CASE("admission: a probe that was stopped leaves its place to the next call") {
  Admission pool("p", {.concurrency = 10});
  for (Ticket ticket = 1; ticket <= 5; ++ticket) {
    pool.offer(call(ticket), at(0));
    pool.ended(ticket, broke(FailureClass::timeout), at(0));
  }
  CHECK(pool.offer(call(6), at(9'000)).go == Tickets{6});
  CHECK(pool.offer(call(7), at(9'000)).go.empty());
  CHECK(pool.ended(6, stopped(), at(9'001)).go == Tickets{7});
}

TEST_CASE("admission: the backend says when to ask again, and nobody asks before") {
  Admission pool("p", {.concurrency = 10});
  pool.offer(call(1), at(0));
  auto outcome = broke(FailureClass::rate_limited);
  outcome.hints.retry_after = Millis(20'000);
  pool.ended(1, outcome, at(1'000));
  CHECK(pool.offer(call(2), at(1'000)).wake_at == Millis(21'000));
  CHECK(pool.status(at(1'000)).breaker == CircuitBreaker::State::closed);
  CHECK(pool.wake(at(21'000)).go == Tickets{2});
  pool.ended(2, broke(FailureClass::rate_limited), at(21'000));  // it did not say for how long
  CHECK(pool.offer(call(3), at(21'000)).wake_at == Millis(26'000));
}

TEST_CASE("admission: what a reply says is left, and of which limit, holds from there on") {
  Admission pool("p", {.concurrency = 10, .rpm = 100, .tpm = 1'000});
  pool.offer(call(1, 10), at(0));
  auto outcome = used(10);
  outcome.hints.tokens = {200, 0, Millis(3'000)};
  outcome.hints.requests = {1'000'000, 5, Millis(900'000)};
  pool.ended(1, outcome, at(0));
  CHECK(pool.offer(call(2, 190), at(0)).wake_at == Millis(3'000));
  CHECK(pool.wake(at(3'000)).go == Tickets{2});
  CHECK(pool.offer(call(3, 1), at(3'000)).go.empty());  // 200 now, not 1000
  outcome.hints.tokens = {5'000, 4'000, Millis(3'000)};
  CHECK(pool.ended(2, outcome, at(3'000)).go == Tickets{3});
  CHECK(pool.offer(call(4, 980), at(3'000)).go.empty());  // never more than was configured
}

TEST_CASE("admission: a call that was turned away used nothing, one that was cut off all it might have") {
  Admission pool("p", {.tpm = 100});
  pool.offer(call(1, 100), at(0));
  pool.ended(1, broke(FailureClass::invalid_request), at(0));
  CHECK(pool.status(at(0)).tokens == 0);
  pool.offer(call(2, 70), at(0));
  pool.ended(2, broke(FailureClass::timeout), at(0));
  CHECK(pool.status(at(0)).tokens == 70);
  pool.offer(call(3, 30), at(0));
  pool.ended(3, stopped(), at(0));
  CHECK(pool.status(at(0)).tokens == 100);
}

TEST_CASE("admission: goes on from what an earlier process did") {
  const PoolLimits limits{.rpm = 3, .tpm = 100, .usd_per_day = MicroUsd{1'000}};
  const auto ago = [](std::int64_t millis) { return UtcTime{kNoonMicros - millis * 1'000}; };
  Admission pool("p", limits);
  pool.restore(
      {{ago(30'000), 60, MicroUsd{400}}, {ago(70'000), 60, MicroUsd{500}}, {ago(50'000'000), 9, MicroUsd{500}}}, at(0));
  CHECK(pool.status(at(0)).spent == MicroUsd{900});
  CHECK(pool.status(at(0)).tokens == 60);
  CHECK(pool.status(at(0)).requests == 1);
  CHECK(pool.offer(call(1, 50, {50}), at(0)).wake_at == Millis(30'000));
  CHECK(pool.offer(call(2, 1, {101}), at(0)).refused.size() == 1);

  // In flight when that process died, nobody knows with how many tokens: a minute's worth.
  Admission unknown("p", limits);
  unknown.restore({{std::nullopt, std::nullopt, std::nullopt}}, at(0));
  CHECK(unknown.offer(call(1, 1), at(0)).wake_at == Millis(60'000));
  // A clock that was set back since: the call was never later than now.
  Admission back("p", limits);
  back.restore({{ago(-500'000), 100, MicroUsd{1}}}, at(0));
  CHECK(back.offer(call(1, 1), at(0)).wake_at == Millis(60'000));
}
