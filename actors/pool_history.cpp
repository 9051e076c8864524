// SPDX-License-Identifier: Apache-2.0
#include "actors/pool_history.hpp"

#include <algorithm>

#include "providers/pool/call_log.hpp"
#include "providers/pool/day_budget.hpp"
#include "runtime/policy/spending.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::actors {
namespace {

/// Leaves only what was, or may have been, a call to a model. Without a plan to read, everything may have been.
void keep_model_calls(const persistence::EventStore& store, const std::vector<Recorded>& history,
                      std::vector<providers::UnknownCall>& unknown, std::size_t from) {
  if (unknown.size() == from || history.empty()) return;
  const auto* started = std::get_if<RunStarted>(&history.front().event);
  const auto text = started == nullptr ? Result<std::string>(std::string()) : store.read_blob(started->plan_sha256);
  const auto plan = workflow::plan_from_text(text ? *text : std::string());
  if (!plan) return;
  const auto calls_no_model = [&](const providers::UnknownCall& one) {
    return std::any_of(plan->nodes.begin(), plan->nodes.end(),
                       [&](const auto& node) { return node.id == one.node && node.tool != "model_call"; });
  };
  const auto begin = unknown.begin() + static_cast<std::ptrdiff_t>(from);
  unknown.erase(std::remove_if(begin, unknown.end(), calls_no_model), unknown.end());
}

}  // namespace

Result<std::vector<providers::PastCall>> past_calls(const persistence::EventStore& store, const std::string& backend,
                                                    UtcTime opened) {
  const auto day_began = opened.micros - opened.micros % providers::kDayMicros;
  const auto since = std::min(day_began, (opened + -providers::kCallLifeMax).micros);
  std::vector<RunId> runs;
  HILLSTAR_CHECK(store.list([&](const run::Summary& row) {
    if (row.updated_at.micros >= since) runs.push_back(row.run);
    return true;
  }));
  providers::CallLog log;
  for (const auto& run : runs) {
    const auto history = store.read(run);
    // One unreadable history must not keep all others from being asked; `verify` tells of it.
    if (!history) continue;
    const auto from = log.unknown.size();
    providers::add_calls(*history, opened, log);
    keep_model_calls(store, *history, log.unknown, from);
  }
  auto calls = std::move(log.calls[backend]);
  for (const auto& one : log.unknown) calls.push_back(one.call);
  return calls;
}

Result<providers::Ledger::Past> past_spending(const persistence::EventStore& store, const std::string& workflow,
                                              UtcTime now, UtcTime opened) {
  const UtcTime day_began{now.micros - now.micros % providers::kDayMicros};
  providers::Ledger::Past past;
  std::vector<RunId> runs;
  HILLSTAR_CHECK(store.each({.workflow = WorkflowId(workflow)}, [&](const run::Summary& row) {
    // An ended run of another day is told by its row.
    const bool has_parts = row.below_cost || row.below_tokens;  // they are told by their own
    if (run::is_terminal(row) && row.updated_at < day_began && !has_parts)
      past.all += row.cost + row.unsettled.value_or(MicroUsd{});
    else
      runs.push_back(row.run);
    return true;
  }));
  for (const auto& run : runs) {
    HILLSTAR_TRY(const auto history, store.read(run));
    const auto spent = policy::spending_of(history, day_began, opened);
    past.all += spent.all;
    past.today += spent.since;
  }
  return past;
}

}  // namespace hillstar::actors
