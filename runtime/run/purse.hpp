// SPDX-License-Identifier: Apache-2.0
// The money of a run while attempts are scheduled: what each may cost at most, and whether that is there. Pure.
//
// An attempt is scheduled only if what is spent, what is reserved for calls in flight and the most that it may cost
// itself stay within every budget. So no budget is passed, whatever the calls turn out to cost.
#pragma once

#include <cstddef>
#include <optional>

#include "messages/events.hpp"
#include "runtime/run/state.hpp"

namespace hillstar::run {

/// Ready attempts that are looked at behind one that waits for money: others may cost less, or nothing.
inline constexpr std::size_t kPassedOverMax = 64;

/// Lives for one step of advance; refers to the state.
class Purse {
 public:
  explicit Purse(const RunState& state) : state_(state) {}

  /// What to schedule the attempt with: nothing inside for one that calls no model, or whose way is not known.
  /// Absent: it cannot be paid, now or at all.
  std::optional<std::optional<Reservation>> pay(const UnitRef& ref, const UnitState& unit);

  /// Set once an attempt cannot be paid at all, even if all that is reserved came back.
  [[nodiscard]] const std::optional<BudgetExhausted>& exhausted() const { return exhausted_; }
  [[nodiscard]] bool is_exhausted() const { return exhausted_.has_value(); }
  /// Attempts that were passed over because their money may come back.
  [[nodiscard]] std::size_t waited() const { return waited_; }

 private:
  [[nodiscard]] std::optional<MicroUsd> run_limit() const;
  /// What a run of another workflow may cost: what is left, or less if it or the node says so.
  std::optional<std::optional<Reservation>> allot(const UnitRef& ref, const UnitState& unit);
  bool refuse(const UnitRef& ref, BudgetScope scope, MicroUsd limit, MicroUsd spent, MicroUsd needed);

  const RunState& state_;
  MicroUsd taken_;  ///< By this step, beside RunState::reserved.
  std::optional<BudgetExhausted> exhausted_;
  std::size_t waited_ = 0;
};

/// The most that the next attempt of a unit may take, at the place it goes to: every byte of its prompt one token,
/// `max_tokens` of reply, images at a fixed count, never more than the model's context.
Reservation reservation_of(const RunState& state, const UnitRef& ref, const UnitState& unit,
                           const policy::Route& route);

}  // namespace hillstar::run
