// SPDX-License-Identifier: Apache-2.0
// Reservations, budgets, other candidates and mended replies, in single steps. The simulation holds them in any order.
#include <doctest/doctest.h>

#include "tests/support/plans.hpp"

using namespace hillstar;
using namespace hillstar::testing;

namespace {

/// Every node may go to `places` places; a call of `max_tokens` 1000 is reserved with about 0.002 USD.
Told told(PlanBuilder builder, std::size_t places = 1) {
  Told told(builder.plan());
  policy::Routes routes;
  auto& list = routes.lists.emplace_back();
  for (std::size_t i = 0; i < places; ++i) {
    policy::Route route;
    route.provider = "p" + std::to_string(i);
    route.model = "m" + std::to_string(i);
    route.backend = "b" + std::to_string(i);
    route.prices = policy::ModelPrices{0, 2'000'000, {}, {}};
    list.push_back(std::move(route));
  }
  routes.of_nodes.assign(told.state.nodes.size(), 1);
  told.state.routes = std::make_shared<const policy::Routes>(std::move(routes));
  return told;
}

PlanBuilder calls(std::string_view names, std::optional<workflow::Budget> budget = {}) {
  PlanBuilder builder(names);
  for (const char name : names) builder[name].parameters = Json::from_canonical(R"({"max_tokens":1000})");
  builder.budget(std::move(budget));
  return builder;
}

workflow::Budget run_budget(std::int64_t micros, bool pause = false) {
  workflow::Budget budget;
  budget.run = MicroUsd{micros};
  budget.pause = pause;
  return budget;
}

AttemptSucceeded success(const Told& world, std::string_view node, std::int64_t cost, std::uint32_t attempt = 1) {
  return {world.ref(node, attempt), Told::output("done"), {}, Usage{10, 10, {}, {}, MicroUsd{cost}}, std::nullopt};
}

const NodeScheduled& last_scheduled(const Told& world) {
  const NodeScheduled* found = nullptr;
  for (const auto& fact : world.facts)
    if (const auto* scheduled = std::get_if<NodeScheduled>(&fact)) found = scheduled;
  REQUIRE(found != nullptr);
  return *found;
}

}  // namespace

TEST_CASE("money: a call is scheduled with its place and the most that it may cost") {
  auto world = told(calls("a"));
  world.start();
  const auto& scheduled = last_scheduled(world);
  REQUIRE(scheduled.call.has_value());
  CHECK(scheduled.call->backend == "b0");
  CHECK(scheduled.call->cost == MicroUsd{2'000});
  CHECK(scheduled.call->tokens > 1'000);
  CHECK(world.state.reserved == MicroUsd{2'000});
  world.tell(success(world, "a", 150));
  CHECK(world.state.reserved == MicroUsd{0});
  CHECK(world.state.spent == MicroUsd{150});
}

TEST_CASE("money: what does not fit waits for what comes back, and the run fails if that is not enough") {
  auto world = told(calls("abc", run_budget(4'100)));
  CHECK(world.start() == Facts{"run_started", "node_scheduled a", "node_scheduled b"});
  CHECK(world.tell(success(world, "a", 50)) == Facts{"node_completed a", "node_scheduled c"});
  CHECK(world.tell(success(world, "b", 2'000)) == Facts{"node_completed b"});
  CHECK(world.tell(success(world, "c", 2'000)) == Facts{"node_completed c", "run_completed"});

  auto poor = told(calls("abc", run_budget(4'100)).edge('a', 'b').edge('b', 'c'));
  poor.start();
  poor.tell(success(poor, "a", 2'000));
  CHECK(poor.tell(success(poor, "b", 150)) == Facts{"node_completed b", "budget_exhausted c", "run_failed c"});
  CHECK(poor.state.failure->kind == FailureClass::budget);
}

TEST_CASE("money: a run that pauses goes on once a person gives it more, and not before") {
  auto world = told(calls("ab", run_budget(2'500, true)).edge('a', 'b'));
  world.start();
  CHECK(world.tell(success(world, "a", 1'000)) == Facts{"node_completed a", "budget_exhausted b", "run_paused b"});
  CHECK(world.tell(ResumeAsked{"ada"}) == Facts{"run_resumed", "budget_exhausted b", "run_paused b"});
  CHECK(world.tell(ResumeAsked{"ada", MicroUsd{3'000}}) == Facts{"run_resumed", "node_scheduled b"});
}

TEST_CASE("money: a node's budget counts all its attempts") {
  workflow::Budget budget;
  budget.node = MicroUsd{4'000};
  auto builder = calls("a", budget);
  builder['a'].retry.attempts = 5;
  builder['a'].retry.backoff = Millis(0);
  auto world = told(builder);
  world.start();
  for (std::uint32_t attempt = 1; attempt <= 2; ++attempt) {
    AttemptFailed cut{world.ref("a", attempt), {FailureClass::network, "cut", {}}, {}, {}, Json::from_canonical("{}")};
    world.tell(cut);
    world.tell(RetryDue{world.ref("a", attempt)});
  }
  CHECK(world.state.status == run::RunStatus::failed);
  CHECK(world.state.spent == MicroUsd{4'000});
}

TEST_CASE("money: a budget that many runs share refuses an attempt, which costs nothing and may be made again") {
  auto world = told(calls("a", run_budget(1'000'000, true)));
  world.start();
  const BudgetRefused refused{world.ref("a"), BudgetScope::day, {5}, {4}, {2'000}};
  CHECK(world.tell(refused) == Facts{"node_cancelled a", "budget_exhausted a", "run_paused a"});
  CHECK(world.state.spent == MicroUsd{0});
  CHECK(world.tell(ResumeAsked{"ada"}) == Facts{"run_resumed", "node_scheduled a #2"});
}

TEST_CASE("money: after its retries a call goes to the next place, which has retries of its own") {
  auto builder = calls("a");
  builder['a'].retry.attempts = 2;
  builder['a'].retry.backoff = Millis(0);
  auto world = told(builder, 2);
  world.start();
  CHECK(world.fail("a", 1, FailureClass::server) == Facts{"node_attempt_failed a"});
  world.tell(RetryDue{world.ref("a", 1)});
  CHECK(world.fail("a", 2, FailureClass::server) == Facts{"node_attempt_failed a #2", "node_scheduled a #3"});
  CHECK(last_scheduled(world).call->backend == "b1");
  CHECK(world.fail("a", 3, FailureClass::server) == Facts{"node_attempt_failed a #3"});
  world.tell(RetryDue{world.ref("a", 3)});
  CHECK(world.fail("a", 4, FailureClass::server) == Facts{"node_attempt_failed a #4", "node_failed a", "run_failed a"});
}

TEST_CASE("money: a wrong key, a refusal and a wrong request are for a person, not for another place") {
  for (const auto kind : {FailureClass::auth, FailureClass::refused, FailureClass::invalid_request,
                          FailureClass::permission, FailureClass::budget}) {
    auto world = told(calls("a"), 2);
    world.start();
    CHECK(world.fail("a", 1, kind) == Facts{"node_attempt_failed a", "node_failed a", "run_failed a"});
  }
}

TEST_CASE("money: a reply that does not fit is mended as often as the node says, also across a retry") {
  auto builder = calls("a");
  builder['a'].repairs = 1;
  builder['a'].retry.attempts = 2;
  builder['a'].retry.backoff = Millis(0);
  auto world = told(builder);
  world.start();
  const auto mismatch = [&](std::uint32_t attempt) {
    return AttemptFailed{world.ref("a", attempt),
                         {FailureClass::schema_mismatch, "no", {}},
                         Told::output("bad"),
                         Usage{1, 1, {}, {}, MicroUsd{7}}};
  };
  CHECK(world.tell(mismatch(1)) == Facts{"node_attempt_failed a", "node_scheduled a #2"});
  const auto owed = run::outstanding(world.state);
  REQUIRE(owed.size() == 1);
  const auto& execute = std::get<ExecuteNode>(owed[0]);
  REQUIRE(execute.rejected.has_value());
  CHECK(*execute.rejected == Told::output("bad"));
  // The connection breaks; what is to be mended is still the reply.
  world.fail("a", 2, FailureClass::network);
  world.tell(RetryDue{world.ref("a", 2)});
  CHECK(std::get<ExecuteNode>(run::outstanding(world.state)[0]).rejected == Told::output("bad"));
  CHECK(world.tell(mismatch(3)) == Facts{"node_attempt_failed a #3", "node_failed a", "run_failed a"});
  CHECK(world.state.failure->kind == FailureClass::schema_mismatch);
  CHECK(world.state.spent == MicroUsd{14});
}

TEST_CASE("money: without routes nothing is reserved, as in histories that have none") {
  Told world(calls("a", run_budget(1)).plan());
  CHECK(world.start() == Facts{"run_started", "node_scheduled a"});
  CHECK_FALSE(last_scheduled(world).call.has_value());
}
