// SPDX-License-Identifier: Apache-2.0
// Whatever happened to a run: its history comes about again, and a change of it is seen.
#include <doctest/doctest.h>

#include "runtime/run/replay_check.hpp"
#include "tests/simulation/world.hpp"

using namespace hillstar;
using namespace hillstar::simulation;

namespace {

NodeOutcome as_recorded(const run::ReplayCheck::Ended& ended) {
  const auto& event = ended.record->event;
  const auto& ref = ended.command.ref;
  if (const auto* completed = std::get_if<NodeCompleted>(&event))
    return AttemptSucceeded{ref, completed->result, completed->tests, completed->usage, completed->detail};
  if (const auto* failed = std::get_if<NodeAttemptFailed>(&event))
    return AttemptFailed{ref, failed->failure, failed->result, failed->usage, failed->detail};
  if (const auto* listed = std::get_if<MapExpanded>(&event))
    return ItemsListed{ref, listed->count, listed->items, listed->longest.value_or(0)};
  return AttemptLost{ref};
}

/// There is an end to compare with.
bool is_seen(const run::ReplayCheck::Ended& ended) {
  const auto& event = ended.record->event;
  return !std::holds_alternative<NodeCancelled>(event) && !std::holds_alternative<NodeAttemptLost>(event);
}

std::string sentences(const run::ReplayCheck& check) {
  std::string text;
  for (const auto& found : check.differences())
    text += found.unit + " #" + std::to_string(found.attempt) + ": " + found.recorded + " / " + found.now + "\n";
  return text;
}

}  // namespace

TEST_CASE("replay: histories of all sorts come about again") {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    std::mt19937_64 dice(seed);
    const auto plan = random_plan(dice);
    World world(plan, seed, {});
    world.run();
    auto before = run::initial(plan);
    before.routes = world.state().routes;
    run::ReplayCheck check(std::move(before), world.history());
    while (const auto ended = check.next())
      if (is_seen(*ended)) check.compare(as_recorded(*ended));
    INFO("seed ", seed, "\n", sentences(check));
    REQUIRE(check.differences_count() == 0);
  }
}

TEST_CASE("replay: one result that is another is one difference, in every history") {
  std::size_t changed = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    std::mt19937_64 dice(seed);
    const auto plan = random_plan(dice);
    World world(plan, seed, {});
    world.run();
    auto before = run::initial(plan);
    before.routes = world.state().routes;
    run::ReplayCheck check(std::move(before), world.history());
    std::string unit;
    while (const auto ended = check.next()) {
      if (!is_seen(*ended)) continue;
      auto outcome = as_recorded(*ended);
      if (auto* succeeded = std::get_if<AttemptSucceeded>(&outcome); succeeded != nullptr && unit.empty()) {
        succeeded->result.json = Json::from_canonical(R"({"output":"something else"})");
        unit = run::unit_name(plan->nodes[ended->command.ref.node].id, ended->command.ref.item);
        ++changed;
      }
      check.compare(outcome);
    }
    INFO("seed ", seed, "\n", sentences(check));
    REQUIRE(check.differences_count() == (unit.empty() ? 0 : 1));
    if (unit.empty()) continue;
    CHECK(check.differences().front().kind == run::DifferenceKind::result);
    CHECK(check.differences().front().unit == unit);
  }
  CHECK(changed > 50);
}
