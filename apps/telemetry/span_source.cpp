// SPDX-License-Identifier: Apache-2.0
#include "apps/telemetry/span_source.hpp"

#include <algorithm>

#include "persistence/run_start.hpp"
#include "runtime/run/run.hpp"

namespace hillstar::telemetry {

SpanSource::SpanSource(const persistence::EventStore& store, SpanOptions options, std::size_t runs_max)
    : store_(store), runs_max_(std::max<std::size_t>(runs_max, 1)) {
  if (!options.read_blob) options.read_blob = [&store](const std::string& sha256) { return store.read_blob(sha256); };
  if (!options.trace_of) options.trace_of = [this](const RunId& run) { return trace_of(run); };
  options_ = std::make_shared<const SpanOptions>(std::move(options));
}

RunTrace SpanSource::trace_of(const RunId& run) const {
  if (const auto known = known_.find(run); known != known_.end() && known->second.spans)
    return {known->second.spans->context(), {}};
  const auto started = persistence::read_run_start(store_, run);
  return started ? run_trace(run, *started, options_->sampler) : run_trace(run, std::nullopt, options_->sampler);
}

Result<SpanPlan> SpanSource::plan_of(const std::string& sha256) {
  for (auto plan = plans_.begin(); plan != plans_.end(); ++plan) {
    if (plan->first != sha256) continue;
    plans_.splice(plans_.begin(), plans_, plan);
    return plan->second;
  }
  HILLSTAR_TRY(const auto text, store_.read_blob(sha256));
  HILLSTAR_TRY(auto read, workflow::plan_from_text(text));
  auto plan = std::make_shared<const workflow::Plan>(std::move(read));
  auto index = run::index_of(*plan);
  plans_.emplace_front(sha256, SpanPlan{std::move(plan), std::move(index)});
  if (plans_.size() > kPlansKnownMax) plans_.pop_back();
  return plans_.front().second;
}

Result<std::unique_ptr<RunSpans>> SpanSource::begin(const RunId& run, const RunStarted& started) {
  if (may_tell && !may_tell(started)) return std::unique_ptr<RunSpans>();
  HILLSTAR_TRY(auto plan, plan_of(started.plan_sha256));
  return std::make_unique<RunSpans>(run, std::move(plan), options_);
}

/// Folds a run that was begun by another process, or is not remembered.
Result<void> SpanSource::catch_up(const RunId& run, Known& known, std::uint64_t before, std::vector<Span>& ended) {
  HILLSTAR_TRY(const auto history, store_.read(run));
  if (const auto started = persistence::run_start(history, run)) {
    HILLSTAR_TRY(known.spans, begin(run, **started));
  }
  std::vector<Span> told_before;
  for (const auto& recorded : history) {
    if (recorded.seq >= before) break;
    const bool is_new = since && !forgot_ && recorded.at >= *since;
    if (known.spans) known.spans->take(recorded, is_new ? ended : told_before);
    known.seq = recorded.seq;
  }
  return {};
}

Result<SpanSource::Known*> SpanSource::know(const RunId& run, const std::vector<Recorded>& events,
                                            std::vector<Span>& ended) {
  if (const auto found = known_.find(run); found != known_.end()) {
    order_.splice(order_.begin(), order_, found->second.place);
    return &found->second;
  }
  Known known;
  const auto* started = std::get_if<RunStarted>(&events.front().event);
  if (events.front().seq == 1 && started != nullptr) {
    HILLSTAR_TRY(known.spans, begin(run, *started));
  } else {
    HILLSTAR_CHECK(catch_up(run, known, events.front().seq, ended));
  }
  if (known_.size() >= runs_max_) {
    forgot_ = true;
    forget(RunId(order_.back()));
  }
  order_.push_front(run);
  known.place = order_.begin();
  return &known_.emplace(run, std::move(known)).first->second;
}

void SpanSource::forget(const RunId& run) {
  const auto found = known_.find(run);
  if (found == known_.end()) return;
  order_.erase(found->second.place);
  known_.erase(found);
}

Result<void> SpanSource::take(const RunId& run, const std::vector<Recorded>& events, std::vector<Span>& ended) {
  if (events.empty()) return {};
  HILLSTAR_TRY(auto* known, know(run, events, ended));
  if (events.front().seq > known->seq + 1 && known->spans) {
    HILLSTAR_TRY(const auto history, store_.read(run));
    for (const auto& recorded : history) {
      if (recorded.seq <= known->seq) continue;
      if (recorded.seq >= events.front().seq) break;
      known->spans->take(recorded, ended);
    }
  }
  for (const auto& recorded : events) {
    if (recorded.seq <= known->seq) continue;
    if (known->spans) known->spans->take(recorded, ended);
    known->seq = recorded.seq;
  }
  if (known->spans && known->spans->is_over()) forget(run);
  return {};
}

Result<std::vector<Span>> SpanSource::all_of(const RunId& run) {
  HILLSTAR_TRY(const auto history, store_.read(run));
  HILLSTAR_TRY(const auto* started, persistence::run_start(history, run));
  HILLSTAR_TRY(const auto spans, begin(run, *started));
  std::vector<Span> ended;
  if (!spans) return ended;
  for (const auto& recorded : history) spans->take(recorded, ended);
  return ended;
}

}  // namespace hillstar::telemetry
