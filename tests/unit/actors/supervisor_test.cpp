// SPDX-License-Identifier: Apache-2.0
// Run actors that die of a bug are restarted and go on from their history.
#include "actors/supervisor.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>

#include "tests/support/engine_host.hpp"

using namespace hillstar;
using namespace hillstar::testing;

namespace {

/// Chance is asked for on a run's actor when an attempt has failed: here that actor dies of it, some times.
class DeadlyChance final : public IdSource {
 public:
  explicit DeadlyChance(int deaths) : deaths_(deaths) {}
  RunId new_run(UtcTime now) override { return ids_.new_run(now); }
  std::uint32_t chance_ppm() override {
    if (deaths_-- > 0) throw std::runtime_error("a bug");
    return 0;
  }

 private:
  SystemIdSource ids_;
  std::atomic<int> deaths_;
};

/// Fails the node `a` once for each attempt but the last.
ScriptedTool failing_until(std::uint32_t good) {
  return ScriptedTool([good](const auto& call, const auto&) {
    return call.node == "a" && call.attempt < good ? broke(FailureClass::exit_code) : said("done");
  });
}

std::shared_ptr<const workflow::Plan> retried() {
  PlanBuilder plan("a");
  plan['a'].retry.attempts = 1'000;
  plan['a'].retry.backoff = Millis{0};
  return plan.plan();
}

/// Once it is deadly, whoever asks it dies; only run actors do while a run goes on.
class DeadlyClock final : public Clock {
 public:
  [[nodiscard]] UtcTime utc_now() const override {
    if (deadly) throw std::runtime_error("a bug");
    return clock_.utc_now();
  }
  [[nodiscard]] std::chrono::steady_clock::time_point steady_now() const override { return clock_.steady_now(); }
  std::atomic<bool> deadly{false};

 private:
  SystemClock clock_;
};

std::size_t lost_attempts(const std::vector<std::string>& history) {
  return static_cast<std::size_t>(std::count_if(
      history.begin(), history.end(), [](const std::string& line) { return line.starts_with("node_attempt_lost a"); }));
}

}  // namespace

TEST_CASE("supervisor: a run whose actor dies goes on from its history") {
  persistence::MemoryStore store;
  Host host(store);
  host.options.ids = std::make_shared<DeadlyChance>(2);
  host.with(failing_until(4)).up();
  const auto run = host.start(retried());
  CHECK(host.end_of(run) == "completed");
  CHECK(lost_attempts(host.history(run)) == 2);
}

TEST_CASE("supervisor: a run whose actor dies again and again is parked, and its history is as it was") {
  persistence::MemoryStore store;
  Seen seen;
  Host host(store);
  const auto clock = std::make_shared<DeadlyClock>();
  host.options.clock = clock;
  host.with(ScriptedTool([clock](const auto&, const auto&) {
        clock->deadly = true;
        return said("done");
      }))
      .up();
  const auto run = host.start(retried());
  REQUIRE(host.engine->follow(run, 1, seen.callback()));
  REQUIRE(seen.wait([](const std::vector<FeedItem>& items) {
    return std::any_of(items.begin(), items.end(),
                       [](const FeedItem& item) { return std::holds_alternative<RunParked>(item); });
  }));
  CHECK(host.engine->live_runs().empty());
  const auto history = host.history(run);
  REQUIRE(history.size() == 2);
  CHECK(history.back() == "node_scheduled a");
}
