// SPDX-License-Identifier: Apache-2.0
#include "apps/http/engine_counters.hpp"

#include <algorithm>

#include "runtime/run/view.hpp"

namespace hillstar::http {
namespace {

struct Change {
  const char* status = nullptr;  ///< Null: none.
  bool ends = false;
};

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

Change change_by(const Event& event) {
  return std::visit(
      Overloaded{[](const RunStarted&) { return Change{"running"}; }, [](const RunQueued&) { return Change{"queued"}; },
                 [](const RunAdmitted&) { return Change{"running"}; },
                 [](const RunPaused&) { return Change{"paused"}; }, [](const RunResumed&) { return Change{"running"}; },
                 [](const CancelRequested&) { return Change{"cancelling"}; },
                 [](const RunDeadlinePassed&) { return Change{"timing_out"}; },
                 [](const RunCompleted&) {
                   return Change{"completed", true};
                 },
                 [](const RunFailed&) {
                   return Change{"failed", true};
                 },
                 [](const RunCancelled&) {
                   return Change{"cancelled", true};
                 },
                 [](const RunTimedOut&) {
                   return Change{"timed_out", true};
                 },
                 [](const auto&) { return Change{}; }},
      event);
}

}  // namespace

void EngineCounters::begin_with(const run::Summary& row) {
  if (run::is_terminal(row)) return;
  const std::lock_guard lock(mutex_);
  live_.try_emplace(row.run, row.status);  // what was committed meanwhile is newer
}

void EngineCounters::observe(const RunId& run, const Event& event) {
  const auto change = change_by(event);
  if (change.status == nullptr) return;
  if (std::holds_alternative<RunStarted>(event)) ++numbers_.started;
  if (change.ends) {
    ++numbers_.ended[change.status];
    live_.erase(run);
  } else {
    live_[run] = change.status;
  }
}

void EngineCounters::committed(const RunId& run, const std::vector<Recorded>& events) {
  if (events.empty()) return;
  const auto late = std::max<std::int64_t>(clock_->utc_now().micros - events.front().at.micros, 0);
  const auto range = std::find_if(Traffic::kMillis.begin(), Traffic::kMillis.end(),
                                  [&](std::uint32_t end) { return late <= std::int64_t{end} * 1000; }) -
                     Traffic::kMillis.begin();
  const std::lock_guard lock(mutex_);
  ++numbers_.commits;
  numbers_.events += events.size();
  ++numbers_.latency.answers;
  ++numbers_.latency.within[static_cast<std::size_t>(range)];
  numbers_.latency.micros += static_cast<std::uint64_t>(late);
  for (const auto& recorded : events) observe(run, recorded.event);
}

EngineCounters::Numbers EngineCounters::numbers() const {
  const std::lock_guard lock(mutex_);
  auto numbers = numbers_;
  for (const auto& [run, status] : live_) ++numbers.live[status];
  return numbers;
}

Result<std::unique_ptr<EngineWatch>> EngineWatch::begin(Engine& engine, std::shared_ptr<EngineCounters> counters) {
  HILLSTAR_TRY(const auto ticket,
               engine.watch([counters](const RunId& run, const auto& events) { counters->committed(run, *events); }));
  std::unique_ptr<EngineWatch> watch(new EngineWatch(engine, ticket));
  HILLSTAR_CHECK(engine.store().list([&](const run::Summary& row) {
    counters->begin_with(row);
    return true;
  }));
  return watch;
}

EngineWatch::~EngineWatch() { engine_.unwatch(ticket_); }

}  // namespace hillstar::http
