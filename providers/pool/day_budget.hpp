// SPDX-License-Identifier: Apache-2.0
// Money that may be spent on one day, in UTC: reserved before a call, settled after it. Pure.
//
// What a call cost counts on the day on which it ended, which is the time of its record. A clock that is set back
// never brings back a day's money.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "messages/units.hpp"

namespace hillstar::providers {

inline constexpr std::int64_t kDayMicros = 86'400'000'000;

class DayBudget {
 public:
  enum class Verdict {
    fits,
    waits,   ///< It may fit once calls in flight have turned out cheaper than reserved.
    passed,  ///< Not on this day.
  };

  explicit DayBudget(MicroUsd limit) : limit_(limit) {}

  [[nodiscard]] Verdict check(MicroUsd cost, UtcTime now);
  /// Takes `cost`, the worst case of a call that starts.
  void reserve(std::uint64_t ticket, MicroUsd cost);
  /// The call ended and cost `cost` in truth. A ticket that holds nothing changes nothing.
  void settle(std::uint64_t ticket, MicroUsd cost, UtcTime now);
  /// Money that was spent at `at`, known from before; on another day than that of `now` it changes nothing.
  void add(MicroUsd cost, UtcTime at, UtcTime now);

  [[nodiscard]] MicroUsd limit() const { return limit_; }
  [[nodiscard]] MicroUsd spent() const { return spent_; }
  [[nodiscard]] MicroUsd reserved() const { return reserved_; }
  /// When the money of the next day is there.
  [[nodiscard]] UtcTime day_ends() const;
  /// "2.00 USD a day: 1.99 spent, 0.05 reserved by calls in flight; the day ends at ..."
  [[nodiscard]] std::string describe() const;

 private:
  void turn(UtcTime now);

  MicroUsd limit_;
  MicroUsd spent_;
  MicroUsd reserved_;
  std::int64_t day_ = INT64_MIN;  ///< Since 1970.
  std::unordered_map<std::uint64_t, MicroUsd> held_;
};

}  // namespace hillstar::providers
