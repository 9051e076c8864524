// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/stream_loads.hpp"

#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "tests/bench/measure.hpp"
#include "tests/bench/workloads.hpp"

namespace hillstar::bench {
namespace {

void declare(Engine& engine, std::shared_ptr<const workflow::Plan> plan, std::uint32_t concurrent) {
  DeclareStream request;
  request.entry.id = "load";
  request.entry.max_concurrent = concurrent;
  request.entry.max_queued = 1'000'000;
  request.plan = std::move(plan);
  request.workflow_text = "bench";
  request.workspace = "/";
  request.declared_by = "bench";
  const auto declared = engine.declare(std::move(request));
  if (!declared) throw std::runtime_error(to_string(declared.error()));
}

/// Counts down; whoever waits is woken at zero.
class Count {
 public:
  void add(int by) {
    const std::lock_guard lock(mutex_);
    value_ += by;
    changed_.notify_all();
  }
  void wait_below(int limit) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return value_ < limit; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int value_ = 0;
};

void offer(Engine& engine, const std::string& stream, Count& unanswered) {
  TriggerRun trigger;
  trigger.stream = stream;
  trigger.started_by = "bench";
  trigger.inputs = Json::from_canonical("{}");
  unanswered.add(1);
  engine.trigger_async(std::move(trigger), [&unanswered](const Result<Accepted>& accepted) {
    if (!accepted) std::abort();
    unanswered.add(-1);
  });
}

/// A step that people must let run, and one behind it.
std::shared_ptr<const workflow::Plan> asking() {
  auto plan = *chain(2);
  plan.nodes.front().permission = workflow::Permission::ask;
  return std::make_shared<const workflow::Plan>(std::move(plan));
}

}  // namespace

void runs_through_a_stream(const std::string& folder) {
  constexpr int kRuns = 20'000;
  constexpr int kUnanswered = 2'000;
  const auto store = store_in(folder);
  const auto plan = chain(3);
  Count open;
  Count unanswered;
  auto with = options();
  with.on_end = [&](const RunId&, const run::Summary&) { open.add(-1); };
  reset_peak_rss();
  const auto engine = Engine::start_up(*store, std::move(with), {});
  declare(*engine, plan, 500);
  const auto stream = plan->workflow.str() + "/load";
  double accepted_s = 0;
  const auto cost = measure([&] {
    const auto accepting = measure([&] {
      for (int i = 0; i < kRuns; ++i) {
        unanswered.wait_below(kUnanswered);
        open.add(1);
        offer(*engine, stream, unanswered);
      }
      unanswered.wait_below(1);
    });
    accepted_s = accepting.wall_s;
    open.wait_below(1);
  });
  print("20,000 runs of 3 steps through one stream, 500 places, every event synced",
        {{"accepted", number(kRuns / accepted_s, 0, "/s"), ""},
         {"ended", number(kRuns / cost.wall_s, 0, "/s"), "at least 10,000 /s"},
         {"CPU per run", number(cost.cpu_s / kRuns * 1e6, 0, "us"), ""},
         {"peak resident memory", number(peak_rss_mb(), 0, "MB"), ""}});
}

void waiting_runs(const std::string& folder) {
  constexpr int kRuns = 100'000;
  const auto plan = asking();
  const auto stream = plan->workflow.str() + "/load";
  double started_s = 0;
  double idle_cpu = 0;
  {
    const auto store = store_in(folder);
    const auto engine = Engine::start_up(*store, options(), {});
    declare(*engine, plan, 1'000);
    Count unanswered;
    started_s = measure([&] {
                  for (int i = 0; i < kRuns; ++i) {
                    unanswered.wait_below(2'000);
                    offer(*engine, stream, unanswered);
                  }
                  unanswered.wait_below(1);
                  while (engine->streams().front().queued > 0)
                    std::this_thread::sleep_for(std::chrono::milliseconds(20));
                }).wall_s;
    // What is left to do is done, and the memory of it given back, before nothing is measured.
    std::this_thread::sleep_for(std::chrono::seconds(3));
    idle_cpu = measure([] { std::this_thread::sleep_for(std::chrono::seconds(5)); }).cpu_s / 5;
  }
  reset_peak_rss();
  const auto store = store_in(folder);
  std::unique_ptr<Engine> engine;
  std::size_t live = 0;
  const auto restart = measure([&] {
    engine = Engine::start_up(*store, options(), {});
    live = engine->live_runs().size();
  });
  if (live != kRuns) throw std::runtime_error("some runs are gone");
  print("100,000 runs that wait for a person",
        {{"until all of them wait", number(started_s, 1, "s"), ""},
         {"CPU while nothing happens", number(idle_cpu * 100, 2, "%"), "0 %"},
         {"restart until all are live", number(restart.wall_s, 2, "s"), "under 10 s"},
         {"peak resident memory after it", number(peak_rss_mb(), 0, "MB"), "under 1,500 MB"}});
}

void memory_over_runs(const std::string& folder, int runs) {
  constexpr int kThirds = 3;
  constexpr int kOpen = 2'000;
  const auto store = store_in(folder);
  const auto plan = chain(3);
  Count open;
  Count unanswered;
  auto with = options();
  with.on_end = [&](const RunId&, const run::Summary&) { open.add(-1); };
  const auto engine = Engine::start_up(*store, std::move(with), {});
  declare(*engine, plan, 500);
  const auto stream = plan->workflow.str() + "/load";
  std::vector<Row> rows{{"before the first", number(rss_mb(), 0, "MB"), ""}};
  double first = 0;
  for (int third = 1; third <= kThirds; ++third) {
    const int count = runs / kThirds;
    const auto cost = measure([&] {
      for (int i = 0; i < count; ++i) {
        open.wait_below(kOpen);
        open.add(1);
        offer(*engine, stream, unanswered);
      }
      open.wait_below(1);
    });
    const double now = rss_mb();
    if (third == 1) first = now;
    rows.push_back({"after " + std::to_string(count * third) + " runs", number(now, 0, "MB"), ""});
    rows.push_back({"  ended", number(count / cost.wall_s, 0, "/s"), ""});
  }
  rows.push_back({"grown since the first third", number(rss_mb() - first, 0, "MB"), "nothing that grows with runs"});
  print("Resident memory over " + std::to_string(runs) + " runs of 3 steps through one stream", rows);
}

}  // namespace hillstar::bench
