// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/run_end.hpp"

#include <doctest/doctest.h>

using namespace hillstar;
using namespace hillstar::cli;

TEST_CASE("run end: a failure is worse than a cancellation, which is worse than standing still") {
  CHECK(worse_end(Exit::done, Exit::done) == Exit::done);
  CHECK(worse_end(Exit::done, Exit::waits) == Exit::waits);
  CHECK(worse_end(Exit::cancelled, Exit::waits) == Exit::cancelled);
  for (const auto failure : {Exit::run_failed, Exit::refused, Exit::budget, Exit::timeout}) {
    CHECK(worse_end(failure, Exit::cancelled) == failure);
    CHECK(worse_end(Exit::cancelled, failure) == failure);
  }
  CHECK(worse_end(Exit::budget, Exit::run_failed) == Exit::run_failed);
  // What no run ends with is no reason to hide it.
  CHECK(worse_end(Exit::run_failed, Exit::integrity) == Exit::integrity);
}

TEST_CASE("run end: the code says why a run failed") {
  run::RunState state;
  CHECK(exit_of_end(state) == Exit::waits);
  state.status = run::RunStatus::completed;
  CHECK(exit_of_end(state) == Exit::done);
  state.status = run::RunStatus::cancelled;
  CHECK(exit_of_end(state) == Exit::cancelled);
  state.status = run::RunStatus::failed;
  CHECK(exit_of_end(state) == Exit::run_failed);
  state.failure = Failure{FailureClass::queue_timeout, "", {}};
  CHECK(exit_of_end(state) == Exit::timeout);
  state.failure = Failure{FailureClass::quota, "", {}};
  CHECK(exit_of_end(state) == Exit::budget);
  state.failure = Failure{FailureClass::path_refused, "", {}};
  CHECK(exit_of_end(state) == Exit::refused);
}
