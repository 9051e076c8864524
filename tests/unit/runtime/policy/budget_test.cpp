// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/budget.hpp"

#include <doctest/doctest.h>

#include "runtime/policy/spending.hpp"

using namespace hillstar;

namespace {

Reservation held(std::int64_t cost) { return {"p", "m", "b", 0, 100, MicroUsd{cost}}; }

NodeAttemptFailed failed(FailureClass kind) {
  NodeAttemptFailed event;
  event.node = NodeId("a");
  event.failure.kind = kind;
  event.detail = Json::from_canonical("{}");
  return event;
}

UtcTime second(std::int64_t count) { return {count * 1'000'000}; }

}  // namespace

TEST_CASE("budget: a call counts what it told, and all that was reserved if it told nothing") {
  NodeCompleted completed;
  CHECK(policy::charge_of(completed, held(900)) == MicroUsd{900});
  completed.usage = Usage{};  // a server that counts no tokens
  CHECK(policy::charge_of(completed, held(900)) == MicroUsd{900});
  completed.usage = Usage{10, 0, {}, {}, MicroUsd{7}};
  CHECK(policy::charge_of(completed, held(900)) == MicroUsd{7});
}

TEST_CASE("budget: a failure costs nothing if the call was turned away or never sent, else all that may have been") {
  CHECK(policy::charge_of(failed(FailureClass::timeout), held(900)) == MicroUsd{900});
  CHECK(policy::charge_of(failed(FailureClass::malformed_reply), held(900)) == MicroUsd{900});
  for (const auto kind : {FailureClass::rate_limited, FailureClass::overloaded, FailureClass::auth, FailureClass::quota,
                          FailureClass::invalid_request, FailureClass::context_too_long})
    CHECK(policy::charge_of(failed(kind), held(900)) == MicroUsd{0});
  auto unsent = failed(FailureClass::timeout);
  unsent.detail.reset();
  CHECK(policy::charge_of(unsent, held(900)) == MicroUsd{0});
  auto told = failed(FailureClass::schema_mismatch);
  told.usage = Usage{10, 5, {}, {}, MicroUsd{12}};
  CHECK(policy::charge_of(told, held(900)) == MicroUsd{12});
  NodeCancelled cancelled;
  CHECK(policy::charge_of(cancelled, held(900)) == MicroUsd{900});
  cancelled.unsent = true;
  CHECK(policy::charge_of(cancelled, held(900)) == MicroUsd{0});
}

TEST_CASE("budget: only a budget that time or a person can fill again pauses") {
  workflow::Plan plan;
  CHECK_FALSE(policy::pauses(plan, BudgetScope::run));
  plan.budget.emplace();
  CHECK_FALSE(policy::pauses(plan, BudgetScope::run));
  plan.budget->pause = true;
  CHECK(policy::pauses(plan, BudgetScope::run));
  CHECK(policy::pauses(plan, BudgetScope::day));
  CHECK_FALSE(policy::pauses(plan, BudgetScope::node));
}

TEST_CASE("budget: the sentence names the node, what it needs, the budget and what is spent") {
  const BudgetExhausted event{NodeId("a"), 3, BudgetScope::day, {2'000'000}, {1'990'000}, {50'000}};
  CHECK(policy::describe(event) ==
        "a call of 'a[3]' may cost 0.05 USD, which does not fit the workflow's budget of this day: 2.00 USD, of which "
        "1.99 are spent");
}

TEST_CASE("spending: a history counts what was told, lost and left open, by day") {
  const auto scheduled = [](const char* node, std::uint32_t attempt, std::int64_t cost) {
    return NodeScheduled{NodeId(node), {}, attempt, held(cost)};
  };
  NodeCompleted told;
  told.node = NodeId("a");
  told.usage = Usage{1, 1, {}, {}, MicroUsd{5}};
  NodeAttemptLost lost{NodeId("b"), {}, 1};
  NodeCancelled unsent{NodeId("c"), {}, 1, true};
  const std::vector<Recorded> history{{1, second(1), scheduled("a", 1, 100)},  {2, second(2), told},
                                      {3, second(3), scheduled("b", 1, 1000)}, {4, second(12), lost},
                                      {5, second(13), scheduled("c", 1, 7)},   {6, second(14), unsent},
                                      {7, second(15), scheduled("b", 2, 200)}, {8, second(30), scheduled("d", 1, 40)}};
  // A process that began at 20 left b open; d is one of its own, which it has reserved itself.
  const auto spent = policy::spending_of(history, second(10), second(20));
  CHECK(spent.all == MicroUsd{5 + 1000 + 200});
  CHECK(spent.since == MicroUsd{1000 + 200});
}
