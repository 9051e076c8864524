// SPDX-License-Identifier: Apache-2.0
// Money that all runs of one workflow may spend, in all and on one day (UTC): reserved before a call, settled after it.
// Pure. Each call brings the limits of its own run, since the workflow may have been edited between two of them.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "messages/events.hpp"
#include "messages/units.hpp"

namespace hillstar::providers {

class Ledger {
 public:
  struct Limits {
    std::optional<MicroUsd> all;
    std::optional<MicroUsd> day;
  };
  /// What was spent before the ledger was opened; ends that nobody saw count with all that was reserved.
  struct Past {
    MicroUsd all;
    MicroUsd today;
  };
  struct Refusal {
    BudgetScope scope = BudgetScope::workflow;
    MicroUsd limit;
    MicroUsd spent;
  };
  enum class Verdict {
    reserved,
    waits,    ///< It may fit once calls in flight have turned out cheaper than reserved.
    refused,  ///< See refusal().
  };

  Ledger(const Past& past, UtcTime now);

  /// Takes `cost`, the worst case of a call, if both limits allow it.
  Verdict reserve(std::uint64_t ticket, MicroUsd cost, const Limits& limits, UtcTime now);
  [[nodiscard]] const Refusal& refusal() const { return refusal_; }
  /// The call ended and cost `cost` in truth. A ticket that holds nothing changes nothing.
  void settle(std::uint64_t ticket, MicroUsd cost, UtcTime now);

 private:
  Verdict check(MicroUsd cost, const std::optional<MicroUsd>& limit, BudgetScope scope);
  void turn(UtcTime now);

  MicroUsd all_;
  MicroUsd today_;
  MicroUsd reserved_;
  std::int64_t day_;
  std::unordered_map<std::uint64_t, MicroUsd> held_;
  Refusal refusal_;
};

}  // namespace hillstar::providers
