// SPDX-License-Identifier: Apache-2.0
#include "providers/pool/ledger.hpp"

#include <algorithm>

#include "providers/pool/day_budget.hpp"

namespace hillstar::providers {

Ledger::Ledger(const Past& past, UtcTime now) : all_(past.all), today_(past.today), day_(now.micros / kDayMicros) {}

void Ledger::turn(UtcTime now) {
  const auto day = now.micros / kDayMicros;
  // A clock that is set back never brings back a day's money.
  if (day <= day_) return;
  day_ = day;
  today_ = {};
}

Ledger::Verdict Ledger::check(MicroUsd cost, const std::optional<MicroUsd>& limit, BudgetScope scope) {
  const auto spent = scope == BudgetScope::day ? today_ : all_;
  if (!limit || spent + reserved_ + cost <= *limit) return Verdict::reserved;
  if (spent + cost <= *limit) return Verdict::waits;
  refusal_ = {scope, *limit, spent};
  return Verdict::refused;
}

Ledger::Verdict Ledger::reserve(std::uint64_t ticket, MicroUsd cost, const Limits& limits, UtcTime now) {
  turn(now);
  if (cost.count > 0) {
    const auto all = check(cost, limits.all, BudgetScope::workflow);
    if (all == Verdict::refused) return all;
    const auto day = check(cost, limits.day, BudgetScope::day);
    if (day != Verdict::reserved) return day;
    if (all != Verdict::reserved) return all;
  }
  const auto [held, is_new] = held_.emplace(ticket, cost);
  if (is_new) reserved_ += cost;
  return Verdict::reserved;
}

void Ledger::settle(std::uint64_t ticket, MicroUsd cost, UtcTime now) {
  turn(now);
  const auto held = held_.extract(ticket);
  if (!held) return;
  reserved_ -= held.mapped();
  all_ += cost;
  today_ += cost;
}

}  // namespace hillstar::providers
