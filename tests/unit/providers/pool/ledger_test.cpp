// SPDX-License-Identifier: Apache-2.0
#include "providers/pool/ledger.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>

using namespace hillstar;
using providers::Ledger;
using Verdict = Ledger::Verdict;

namespace {

constexpr std::int64_t kDay = 86'400'000'000;
const UtcTime kNow{20'000 * kDay + 5};

Ledger::Limits limits(std::int64_t all, std::int64_t day) {
  return {all > 0 ? std::optional(MicroUsd{all}) : std::nullopt, day > 0 ? std::optional(MicroUsd{day}) : std::nullopt};
}

}  // namespace

TEST_CASE("ledger: what was spent before counts, and what fits to the last millionth goes") {
  Ledger ledger({{60}, {10}}, kNow);
  CHECK(ledger.reserve(1, {40}, limits(100, 0), kNow) == Verdict::reserved);
  CHECK(ledger.reserve(2, {1}, limits(100, 0), kNow) == Verdict::waits);
  ledger.settle(1, {30}, kNow);
  CHECK(ledger.reserve(2, {10}, limits(100, 0), kNow) == Verdict::reserved);
  ledger.settle(2, {10}, kNow);
  CHECK(ledger.reserve(3, {1}, limits(100, 0), kNow) == Verdict::refused);
  CHECK(ledger.refusal().scope == BudgetScope::workflow);
  CHECK(ledger.refusal().spent == MicroUsd{100});
  CHECK(ledger.reserve(4, {0}, limits(100, 0), kNow) == Verdict::reserved);  // costs nothing
}

TEST_CASE("ledger: a day's money is there again on the next day, and a clock that is set back brings none") {
  Ledger ledger({{60}, {60}}, kNow);
  CHECK(ledger.reserve(1, {50}, limits(0, 100), kNow) == Verdict::refused);
  CHECK(ledger.refusal().scope == BudgetScope::day);
  const UtcTime tomorrow{kNow.micros + kDay};
  CHECK(ledger.reserve(1, {50}, limits(0, 100), tomorrow) == Verdict::reserved);
  ledger.settle(1, {50}, tomorrow);
  CHECK(ledger.reserve(2, {60}, limits(0, 100), kNow) == Verdict::refused);
}

TEST_CASE("ledger: settling what holds nothing changes nothing") {
  Ledger ledger({}, kNow);
  ledger.settle(7, {1'000'000}, kNow);
  CHECK(ledger.reserve(1, {10}, limits(10, 10), kNow) == Verdict::reserved);
  ledger.settle(1, {3}, kNow);
  ledger.settle(1, {3}, kNow);
  CHECK(ledger.reserve(2, {7}, limits(10, 10), kNow) == Verdict::reserved);
}

TEST_CASE("ledger: no order of calls passes a limit, and a call is refused only if it could never fit now") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 dice(seed);
  for (int round = 0; round < 300; ++round) {
    const auto all = static_cast<std::int64_t>(dice() % 1'000);
    const auto day = static_cast<std::int64_t>(dice() % 500);
    const auto both = limits(all, day);
    Ledger ledger({}, kNow);
    std::map<std::uint64_t, std::int64_t> held;
    std::int64_t spent = 0;
    std::int64_t today = 0;
    auto now = kNow;
    for (std::uint64_t ticket = 1; ticket < 200; ++ticket) {
      if (dice() % 50 == 0) {
        now.micros += kDay;
        today = 0;
      }
      const auto cost = static_cast<std::int64_t>(dice() % 100);
      std::int64_t in_flight = 0;
      for (const auto& [other, amount] : held) in_flight += amount;
      const auto verdict = ledger.reserve(ticket, {cost}, both, now);
      const bool fits =
          cost == 0 || ((all == 0 || spent + in_flight + cost <= all) && (day == 0 || today + in_flight + cost <= day));
      const bool could = (all == 0 || spent + cost <= all) && (day == 0 || today + cost <= day);
      CHECK((verdict == Verdict::reserved) == fits);
      if (!fits) CHECK((verdict == Verdict::waits) == could);
      if (verdict == Verdict::reserved) held[ticket] = cost;
      while (!held.empty() && dice() % 2 == 0) {
        const auto first = held.begin();
        const auto paid = static_cast<std::int64_t>(dice() % static_cast<std::uint64_t>(first->second + 1));
        ledger.settle(first->first, {paid}, now);
        spent += paid;
        today += paid;
        held.erase(first);
      }
    }
  }
}
