// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/stream_view.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "messages/json_codec.hpp"
#include "runtime/platform/time_zone.hpp"
#include "runtime/stream/timer.hpp"

namespace hillstar::cli {

namespace bj = boost::json;

std::vector<UtcTime> next_firings(const StreamStatus& status, UtcTime now) {
  std::vector<UtcTime> firings;
  const auto& trigger = status.declared.entry.timer;
  if (!trigger || status.removed) return firings;
  TimeZone zone;
  if (trigger->time_zone) {
    auto loaded = load_time_zone(*trigger->time_zone);
    if (!loaded) return firings;
    zone = *std::move(loaded);
  }
  const auto timer = stream::make_timer(status.declared.stream, *trigger, std::move(zone));
  if (!timer) return firings;
  const auto declared = status.declared_at.value_or(UtcTime{});
  // A firing that was dealt with early, before its jitter was over, is not told again.
  auto last = std::max(now, status.last_due.value_or(now));
  while (firings.size() < kFiringsShown) {
    const auto next = stream::due_after(*timer, declared, last);
    if (!next) break;
    firings.push_back(last = *next);
  }
  return firings;
}

Json accepted_object(const Accepted& accepted) {
  return Json::of(
      bj::object{{"run", accepted.run.str()}, {"repeated", accepted.repeated}, {"queued", accepted.queued}});
}

Json stream_object(const StreamStatus& status, UtcTime now) {
  const auto& declared = status.declared;
  bj::object object{{"stream", declared.stream},
                    {"workflow", declared.workflow.str()},
                    {"history", status.history.str()},
                    {"entry", Json::from_canonical(json::to_text(declared.entry)).value()},
                    {"workflow_file", declared.workflow_file},
                    {"workflow_sha256", declared.workflow_sha256},
                    {"plan_sha256", declared.plan_sha256},
                    {"workspace", declared.workspace},
                    {"output_dir", declared.output_dir},
                    {"declared_by", declared.declared_by},
                    {"held", status.held},
                    {"running", status.running},
                    {"queued", status.queued},
                    {"waiting_callers", status.waiting_callers},
                    {"accepted", status.accepted},
                    {"repeated", status.repeated},
                    {"refused", status.refused},
                    {"dropped", status.dropped},
                    {"chains_ended", status.chains_ended}};
  if (!status.reason.empty()) object["reason"] = status.reason;
  if (status.declared_at) object["declared_at"] = to_rfc3339(*status.declared_at);
  if (status.last_due) object["last_due"] = to_rfc3339(*status.last_due);
  if (const auto firings = next_firings(status, now); !firings.empty()) {
    bj::array next;
    for (const auto due : firings) next.emplace_back(to_rfc3339(due));
    object["next"] = std::move(next);
  }
  if (status.quota_used) {
    const auto& quota = *declared.entry.quota;
    const auto& used = *status.quota_used;
    bj::object shown;
    if (quota.runs_per_hour) shown["runs_per_hour"] = used.runs_hour;
    if (quota.runs_per_day) shown["runs_per_day"] = used.runs_day;
    if (quota.cost_per_day) shown["cost_per_day"] = used.cost_day.count;
    if (quota.stored_bytes) shown["stored_bytes"] = used.stored_bytes;
    object["quota_used"] = std::move(shown);
  }
  bj::array refusals;
  for (const auto& one : status.refusals)
    refusals.push_back(bj::object{
        {"at", to_rfc3339(one.at)}, {"trigger", json::enum_name(one.kind)}, {"why", json::to_utf8(one.why)}});
  if (!refusals.empty()) object["refusals"] = std::move(refusals);
  return Json::of(object);
}

}  // namespace hillstar::cli
