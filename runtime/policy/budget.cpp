// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/budget.hpp"

#include <algorithm>

#include <utility>

namespace hillstar::policy {
namespace {

std::string of(BudgetScope scope) {
  switch (scope) {
    case BudgetScope::node:
      return "the budget of one node";
    case BudgetScope::run:
      return "the budget of the run";
    case BudgetScope::workflow:
      return "the budget of all runs of the workflow";
    case BudgetScope::day:
      return "the workflow's budget of this day";
  }
  return "the budget";
}

}  // namespace

std::string describe(const BudgetExhausted& event) {
  const auto unit = event.node.str() + (event.item ? "[" + std::to_string(*event.item) + "]" : "");
  return "a call of '" + unit + "' may cost " + to_dollars(event.needed) + " USD, which does not fit " +
         of(event.scope) + ": " + to_dollars(event.limit) + " USD, of which " + to_dollars(event.spent) + " are spent";
}

namespace {

/// Servers that count nothing are taken at the most that it can have been.
bool is_told(const std::optional<Usage>& usage) {
  return usage && (usage->cost.count != 0 || usage->input_tokens + usage->output_tokens != 0);
}

}  // namespace

MicroUsd charge_of(const NodeCompleted& event, const Reservation& reserved) {
  return is_told(event.usage) ? event.usage->cost : reserved.cost;
}

MicroUsd charge_of(const NodeAttemptFailed& event, const Reservation& reserved) {
  if (is_told(event.usage)) return event.usage->cost;
  // Without a detail it was not sent.
  return !event.detail || is_turned_away(event.failure.kind) ? MicroUsd{} : reserved.cost;
}

MicroUsd charge_of(const NodeCancelled& event, const Reservation& reserved) {
  return event.unsent ? MicroUsd{} : reserved.cost;
}

MicroUsd tighter(const workflow::Plan& plan, MicroUsd given) {
  return plan.budget && plan.budget->run ? std::min(*plan.budget->run, given) : given;
}

bool pauses(const workflow::Plan& plan, BudgetScope scope) {
  return scope != BudgetScope::node && plan.budget && plan.budget->pause;
}

void add_exhausted(BudgetExhausted event, const workflow::Plan& plan, std::vector<Event>& facts) {
  if (pauses(plan, event.scope)) {
    RunPaused paused{describe(event), event.node, false};
    facts.emplace_back(std::move(event));
    facts.emplace_back(std::move(paused));
  } else {
    facts.emplace_back(std::move(event));
  }
}

bool is_turned_away(FailureClass kind) {
  return kind == FailureClass::rate_limited || kind == FailureClass::overloaded || kind == FailureClass::auth ||
         kind == FailureClass::quota || kind == FailureClass::invalid_request || kind == FailureClass::not_found ||
         kind == FailureClass::context_too_long || kind == FailureClass::spawn;
}

}  // namespace hillstar::policy
