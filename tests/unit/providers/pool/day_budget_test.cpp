// SPDX-License-Identifier: Apache-2.0
#include "providers/pool/day_budget.hpp"

#include <doctest/doctest.h>

using namespace hillstar;
using providers::DayBudget;
using Verdict = DayBudget::Verdict;

namespace {

UtcTime at(std::string_view text) { return from_rfc3339(text).value(); }
MicroUsd cents(std::int64_t count) { return {count * 10'000}; }
const UtcTime kNoon = at("2026-11-22T12:00:00.000000Z");

}  // namespace

TEST_CASE("day_budget: reserves the worst case, settles what it was") {
  DayBudget budget(cents(100));
  CHECK(budget.check(cents(60), kNoon) == Verdict::fits);
  budget.reserve(1, cents(60));
  CHECK(budget.check(cents(40), kNoon) == Verdict::fits);
  CHECK(budget.check(cents(41), kNoon) == Verdict::waits);
  CHECK(budget.check(cents(101), kNoon) == Verdict::passed);
  budget.settle(1, cents(10), kNoon);
  CHECK(budget.check(cents(90), kNoon) == Verdict::fits);
  CHECK(budget.check(cents(91), kNoon) == Verdict::passed);
  budget.settle(1, cents(10), kNoon);
  CHECK(budget.spent() == cents(10));
  CHECK(budget.reserved() == MicroUsd{});
}

TEST_CASE("day_budget: the next day in UTC has its own money, and calls in flight are paid from it") {
  DayBudget budget(cents(100));
  CHECK(budget.check(cents(1), kNoon) == Verdict::fits);
  budget.reserve(1, cents(50));
  budget.reserve(2, cents(50));
  budget.settle(1, cents(50), kNoon);
  const auto next = at("2026-11-23T00:00:00.000000Z");
  CHECK(budget.day_ends() == next);
  CHECK(budget.check(cents(51), next) == Verdict::waits);
  CHECK(budget.check(cents(50), next) == Verdict::fits);
  budget.settle(2, cents(30), next);
  CHECK(budget.spent() == cents(30));
}

TEST_CASE("day_budget: a clock that is set back brings no money back") {
  DayBudget budget(cents(100));
  CHECK(budget.check(cents(100), kNoon) == Verdict::fits);
  budget.reserve(1, cents(100));
  budget.settle(1, cents(100), kNoon);
  CHECK(budget.check(cents(1), at("2026-11-21T12:00:00.000000Z")) == Verdict::passed);
  CHECK(budget.check(MicroUsd{}, kNoon) == Verdict::passed);
}

TEST_CASE("day_budget: takes over what was spent on this day, and not what was spent before") {
  DayBudget budget(cents(100));
  budget.add(cents(70), at("2026-11-22T00:00:00.000000Z"), kNoon);
  budget.add(cents(70), at("2026-11-21T23:59:59.999999Z"), kNoon);
  CHECK(budget.spent() == cents(70));
  CHECK(budget.describe() ==
        "1.00 USD a day: 0.70 spent, 0.00 reserved by calls in flight; the day ends at 2026-11-23T00:00:00.000000Z");
}

TEST_CASE("day_budget: amounts are written with the decimals they need") {
  CHECK(hillstar::to_dollars({0}) == "0.00");
  CHECK(hillstar::to_dollars({123}) == "0.000123");
  CHECK(hillstar::to_dollars({1'500'000}) == "1.50");
  CHECK(hillstar::to_dollars({-2'000'010}) == "-2.00001");
  CHECK(hillstar::to_dollars({INT64_MIN}) == "-9223372036854.775808");
}
