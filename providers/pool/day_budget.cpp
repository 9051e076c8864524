// SPDX-License-Identifier: Apache-2.0
#include "providers/pool/day_budget.hpp"

#include <algorithm>

namespace hillstar::providers {
namespace {

/// A billion dollars: sums of amounts up to here stay in range.
constexpr std::int64_t kCostMax = 1'000'000'000'000'000;

std::int64_t day_of(UtcTime time) {
  const auto day = time.micros / kDayMicros;
  return time.micros % kDayMicros < 0 ? day - 1 : day;
}

std::int64_t bounded(MicroUsd cost) { return std::clamp<std::int64_t>(cost.count, 0, kCostMax); }

}  // namespace

void DayBudget::turn(UtcTime now) {
  const auto day = day_of(now);
  if (day <= day_) return;
  day_ = day;
  spent_ = {};
}

DayBudget::Verdict DayBudget::check(MicroUsd cost, UtcTime now) {
  turn(now);
  const auto wanted = spent_.count + bounded(cost);
  // Nothing left is the end, even for what costs nothing that is known.
  if (wanted > limit_.count || spent_.count >= limit_.count) return Verdict::passed;
  return wanted + reserved_.count <= limit_.count ? Verdict::fits : Verdict::waits;
}

void DayBudget::reserve(std::uint64_t ticket, MicroUsd cost) {
  if (held_.emplace(ticket, MicroUsd{bounded(cost)}).second) reserved_.count += bounded(cost);
}

void DayBudget::settle(std::uint64_t ticket, MicroUsd cost, UtcTime now) {
  const auto held = held_.find(ticket);
  if (held == held_.end()) return;
  turn(now);
  reserved_.count -= held->second.count;
  held_.erase(held);
  spent_.count = std::min(spent_.count + bounded(cost), kCostMax);
}

void DayBudget::add(MicroUsd cost, UtcTime at, UtcTime now) {
  turn(now);
  // Later than now: the clock was set back since. The money is gone all the same.
  if (day_of(at) < day_) return;
  turn(at);
  spent_.count = std::min(spent_.count + bounded(cost), kCostMax);
}

UtcTime DayBudget::day_ends() const { return {(day_ + 1) * kDayMicros}; }

std::string DayBudget::describe() const {
  return to_dollars(limit_) + " USD a day: " + to_dollars(spent_) + " spent, " + to_dollars(reserved_) +
         " reserved by calls in flight; the day ends at " + to_rfc3339(day_ends());
}

}  // namespace hillstar::providers
