// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/view.hpp"

#include <doctest/doctest.h>

#include "tests/support/plans.hpp"

using namespace hillstar;
using namespace hillstar::run;
using namespace hillstar::testing;

TEST_CASE("status_name: a node without an end is as it is while the run goes on, and not_run or stopped afterwards") {
  Told told(PlanBuilder("abcd").edge('a', 'b').edge('b', 'c').plan());
  told.start();
  auto& state = told.state;
  auto& ready = state.nodes[0];
  ready.status = NodeStatus::ready;
  ready.attempt = 0;
  auto& begun = state.nodes[1];
  begun.status = NodeStatus::ready;
  begun.attempt = 1;
  auto& done = state.nodes[2];
  done.status = NodeStatus::completed;
  auto& lost = state.nodes[3];
  lost.status = NodeStatus::lost;
  lost.attempt = 1;
  for (const auto status : {RunStatus::running, RunStatus::paused, RunStatus::failing, RunStatus::cancelling}) {
    state.status = status;
    CHECK(status_name(state, ready) == "ready");
    CHECK(status_name(state, begun) == "ready");
  }
  for (const auto status : {RunStatus::completed, RunStatus::failed, RunStatus::cancelled}) {
    state.status = status;
    CHECK(status_name(state, ready) == "not_run");
    CHECK(status_name(state, begun) == "stopped");
    CHECK(status_name(state, done) == "completed");
    CHECK(status_name(state, lost) == "lost");
  }
}
