// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/wait_policy.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace hillstar;
using namespace hillstar::cli;

namespace {

run::RunState in(run::RunStatus status) {
  run::RunState state;
  state.status = status;
  return state;
}

}  // namespace

TEST_CASE("wait: a run that ended has ended, whoever hosts it") {
  for (const auto status : {run::RunStatus::completed, run::RunStatus::failed, run::RunStatus::cancelled})
    for (const bool alone : {false, true}) CHECK(standing_of(in(status), {false, false, alone}) == Standing::ended);
}

TEST_CASE("wait: a standstill counts once nothing happened for a moment") {
  const auto paused = in(run::RunStatus::paused);
  CHECK(standing_of(paused, {true, false, false}) == Standing::moves);
  CHECK(standing_of(paused, {true, true, false}) == Standing::stands);
  CHECK(standing_of(paused, {false, true, true}) == Standing::stands);
  auto stopping = in(run::RunStatus::paused);
  stopping.running = 1;
  CHECK(standing_of(stopping, {true, true, false}) == Standing::moves);
}

TEST_CASE("wait: a run is alone only if nobody has it in hand for a while") {
  const auto running = in(run::RunStatus::running);
  CHECK(standing_of(running, {true, true, false}) == Standing::moves);
  CHECK(standing_of(running, {true, true, true}) == Standing::moves);
  CHECK(standing_of(running, {false, true, false}) == Standing::moves);
  CHECK(standing_of(running, {false, true, true}) == Standing::alone);
}

TEST_CASE("wait: all runs, or any") {
  using enum Standing;
  CHECK(is_enough({ended, stands, alone}, false));
  CHECK_FALSE(is_enough({ended, moves}, false));
  CHECK(is_enough({ended, moves}, true));
  CHECK(is_enough({moves, alone}, true));
  CHECK_FALSE(is_enough({moves, moves}, true));
}

TEST_CASE("wait: a timeout is a number of seconds up to a year") {
  CHECK(timeout_of(0)->count() == 0);
  CHECK(timeout_of(0.5)->count() == 500);
  CHECK(timeout_of(0.0001)->count() == 1);
  CHECK(timeout_of(kTimeoutMax));
  for (const double wrong : {-0.001, -1.0, kTimeoutMax + 1, std::numeric_limits<double>::infinity(),
                             -std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    const auto refused = timeout_of(wrong);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::usage);
  }
}
