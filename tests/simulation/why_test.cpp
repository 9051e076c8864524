// SPDX-License-Identifier: Apache-2.0
// Random histories, asked at every event why the run and each of its nodes are as they are.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "runtime/run/why.hpp"
#include "tests/simulation/world.hpp"

namespace hillstar::simulation {
namespace {

bool offers_a_way_on(const run::Why& answer) {
  return std::any_of(answer.steps.begin(), answer.steps.end(), [](const run::Step& step) {
    return step.remedy == run::Remedy::approve || step.remedy == run::Remedy::settle_run_again ||
           step.remedy == run::Remedy::resume || step.remedy == run::Remedy::raise_budget ||
           step.remedy == run::Remedy::input || step.remedy == run::Remedy::signal;
  });
}

/// Empty, or what is wrong with the answer.
std::string flaw_of(const run::Why& answer, const std::optional<run::UnitRef>& unit, std::uint64_t events) {
  if (answer.reasons.empty()) return "no reason";
  if (answer.reasons.size() > run::kReasonsMax) return "too many reasons";
  if (answer.reasons.front().depth != 0 || answer.reasons.front().unit != unit) return "the first does not answer";
  for (const auto& reason : answer.reasons) {
    if (reason.text.empty() || reason.kind.empty()) return "a reason without words";
    if (&reason != &answer.reasons.front() && reason.depth == 0) return "two answers";
    if (reason.seq && (*reason.seq == 0 || *reason.seq > events)) return "an event that there is not";
  }
  return {};
}

void ask_all(const run::RunState& state, const std::vector<Recorded>& history, std::uint64_t seed) {
  const auto ask = [&](const std::optional<run::UnitRef>& unit) {
    const auto answer = run::why(state, history, unit);
    const auto flaw = flaw_of(answer, unit, state.version);
    REQUIRE_MESSAGE(flaw.empty(), "seed " << seed << ", event " << state.version << ", "
                                          << (unit ? run::name_of(state, *unit) : "the run") << ": " << flaw);
    return answer;
  };
  const auto answer = ask(std::nullopt);
  if (run::waits_for_person(state))
    REQUIRE_MESSAGE(offers_a_way_on(answer), "seed " << seed << ", event " << state.version << ": no way on");
  for (NodeIndex i = 0; i < state.nodes.size(); ++i) {
    ask(run::UnitRef{i, std::nullopt});
    const auto items = state.nodes[i].map ? state.nodes[i].map->units.size() : 0;
    for (std::uint32_t item = 0; item < items; ++item) ask(run::UnitRef{i, item});
  }
}

}  // namespace

TEST_CASE("why: every run and node has an answer at every point of random histories") {
  std::size_t points = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    std::mt19937_64 dice(seed);
    const auto plan = random_plan(dice);
    World world(plan, seed, Odds{.crash = 60, .fail = 250, .lose = 100});
    try {
      world.run();
    } catch (const std::string& broken) {
      FAIL("seed " << seed << ": " << broken);
    }
    auto state = run::initial(plan);
    std::vector<Recorded> prefix;
    for (const auto& recorded : world.history()) {
      run::evolve(state, recorded.event, recorded.at);
      prefix.push_back(recorded);
      ask_all(state, prefix, seed);
      ++points;
    }
  }
  MESSAGE(points << " points");
  CHECK(points > 1'000);
}

}  // namespace hillstar::simulation
