// SPDX-License-Identifier: Apache-2.0
#include "actors/stream_meter.hpp"

#include <utility>

#include "runtime/policy/spending.hpp"
#include "runtime/run/view.hpp"

namespace hillstar::actors {
namespace {

constexpr std::chrono::seconds kLookEvery{1};
/// Records that are read at once.
constexpr std::size_t kPage = 256;

}  // namespace

StreamMeter::StreamMeter(const persistence::EventStore& store, std::string stream, Quota quota, UtcTime opened)
    : store_(store), stream_(std::move(stream)), quota_(quota), opened_(opened) {}

Result<void> StreamMeter::count(UtcTime now) {
  usage_ = {};
  open_.clear();
  persistence::RunQuery runs;
  runs.stream = stream_;
  const UtcTime day_ago{now.micros - stream::kQuotaDay.count() * 1000};
  if (!looks_at_runs()) runs.since = day_ago;
  const bool counts_runs = quota_.runs_per_hour || quota_.runs_per_day;
  return store_.each(std::move(runs), [&](const run::Summary& row) {
    if (counts_runs && row.started_at > day_ago) usage_.accept(row.started_at);
    if (!looks_at_runs()) return true;
    auto& open = open_[row.run];
    open.queued = row.status == "queued";
    // What cannot be read is not counted; `verify` tells of it.
    (void)look(row, open, now);
    if (run::is_terminal(row)) {
      usage_.end(row.run, now);
      open_.erase(row.run);
    }
    return true;
  });
}

Result<void> StreamMeter::look(const run::Summary& row, Open& open, UtcTime now) {
  const auto all = row.cost + row.unsettled.value_or(MicroUsd{});
  MicroUsd earlier;
  if (quota_.cost_per_day && !usage_.is_metered(row.run) && row.started_at < stream::day_of(now)) {
    earlier = all;
    if (row.updated_at >= stream::day_of(now)) {
      HILLSTAR_TRY(const auto history, store_.read(row.run));
      earlier -= policy::spending_of(history, stream::day_of(now), opened_).since;
    }
  }
  while (quota_.stored_bytes && open.records < row.version) {
    HILLSTAR_TRY(const auto page, store_.read_records(row.run, open.records + 1, kPage));
    for (const auto& record : page) open.bytes += record.line.size();
    open.records += page.size();
    if (page.size() < kPage) break;
  }
  usage_.meter(row.run, all, earlier, open.bytes, now);
  return {};
}

void StreamMeter::accepted(const RunId& run, UtcTime at, bool queued) {
  if (quota_.runs_per_hour || quota_.runs_per_day) usage_.accept(at);
  auto& open = open_[run];
  open.accepted_at = at;
  open.queued = queued;
}

void StreamMeter::admitted(const RunId& run) {
  if (const auto found = open_.find(run); found != open_.end()) found->second.queued = false;
}

void StreamMeter::withdrawn(const RunId& run) {
  const auto found = open_.find(run);
  if (found == open_.end()) return;
  if (found->second.accepted_at) usage_.withdraw(*found->second.accepted_at);
  open_.erase(found);
}

void StreamMeter::ended(const RunId& run, UtcTime now) {
  const auto found = open_.find(run);
  if (found == open_.end()) return;
  if (looks_at_runs()) {
    if (const auto row = store_.summary(run)) (void)look(*row, found->second, now);
    usage_.end(run, now);
  }
  open_.erase(found);
}

std::optional<stream::Excess> StreamMeter::excess(UtcTime now, std::chrono::steady_clock::time_point steady) {
  if (looks_at_runs() && (!looked_at_ || steady - *looked_at_ >= kLookEvery)) {
    looked_at_ = steady;
    for (auto& [run, open] : open_) {
      if (open.queued) continue;
      if (const auto row = store_.summary(run)) (void)look(*row, open, now);
    }
  }
  return stream::excess(usage_, quota_, stream_, now);
}

QuotaUse StreamMeter::use(UtcTime now) {
  QuotaUse use;
  if (quota_.runs_per_hour) use.runs_hour = usage_.runs_since(now, stream::kQuotaHour);
  if (quota_.runs_per_day) use.runs_day = usage_.runs_since(now, stream::kQuotaDay);
  if (quota_.cost_per_day) use.cost_day = usage_.cost_today(now);
  if (quota_.stored_bytes) use.stored_bytes = usage_.bytes();
  return use;
}

}  // namespace hillstar::actors
