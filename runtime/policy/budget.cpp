// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/budget.hpp"

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

bool is_turned_away(FailureClass kind) {
  return kind == FailureClass::rate_limited || kind == FailureClass::overloaded || kind == FailureClass::auth ||
         kind == FailureClass::quota || kind == FailureClass::invalid_request || kind == FailureClass::not_found ||
         kind == FailureClass::context_too_long;
}

}  // namespace hillstar::policy
