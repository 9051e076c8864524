// SPDX-License-Identifier: Apache-2.0
// stats: the runs of a time, added up.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "apps/cli/carry.hpp"
#include "apps/cli/list_commands.hpp"
#include "apps/cli/text.hpp"
#include "messages/json_codec.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

/// Times of ended runs that are kept for the percentiles.
constexpr std::size_t kTimesMax = 1'000'000;

using Counts = std::map<std::string, std::uint64_t>;

struct Stats {
  std::uint64_t runs = 0;
  Counts by_status;
  Counts by_workflow;
  Counts by_stream;
  Counts failures;  ///< By kind.
  std::uint64_t tokens = 0;
  MicroUsd cost;
  MicroUsd unsettled;
  std::vector<Millis> times;
};

/// Of a run that failed: what its last event says.
std::string kind_of_failure(const persistence::EventStore& store, const run::Summary& row) {
  const auto last = store.read_records(row.run, row.version, 1);
  if (!last || last->empty()) return "unreadable";
  const auto recorded = persistence::decode(last->front().line, row.run);
  const auto* failed = recorded ? std::get_if<RunFailed>(&recorded->event) : nullptr;
  return failed == nullptr ? "unknown" : std::string(json::enum_name(failed->failure.kind));
}

void add(Stats& stats, const persistence::EventStore& store, const run::Summary& row) {
  ++stats.runs;
  ++stats.by_status[row.status];
  ++stats.by_workflow[row.workflow.str()];
  if (row.stream) ++stats.by_stream[*row.stream];
  // What is a part of a run has a row of its own.
  stats.tokens += row.tokens - row.below_tokens.value_or(0);
  stats.cost += MicroUsd{row.cost.count - row.below_cost.value_or(MicroUsd{}).count};
  stats.unsettled += row.unsettled.value_or(MicroUsd{});
  if (row.status == "failed") ++stats.failures[kind_of_failure(store, row)];
  if (run::is_terminal(row) && stats.times.size() < kTimesMax) stats.times.push_back(row.updated_at - row.started_at);
}

/// The time that so many percent of the runs did not exceed; `times` are sorted and not empty.
Millis percentile(const std::vector<Millis>& times, std::size_t percent) {
  return times[(times.size() * percent + 99) / 100 - 1];
}

bj::object counted(const Counts& counts) {
  bj::object object;
  for (const auto& [name, count] : counts) object[name] = count;
  return object;
}

void print_json(Output& output, const Stats& stats, UtcTime since, UtcTime until) {
  bj::object object{{"since", to_rfc3339(since)},
                    {"until", to_rfc3339(until)},
                    {"runs", stats.runs},
                    {"by_status", counted(stats.by_status)},
                    {"by_workflow", counted(stats.by_workflow)},
                    {"by_stream", counted(stats.by_stream)},
                    {"failures", counted(stats.failures)},
                    {"tokens", stats.tokens},
                    {"cost", stats.cost.count},
                    {"unsettled", stats.unsettled.count},
                    {"ended", stats.times.size()},
                    {"p50_ms", nullptr},
                    {"p95_ms", nullptr}};
  if (!stats.times.empty()) {
    object["p50_ms"] = percentile(stats.times, 50).count();
    object["p95_ms"] = percentile(stats.times, 95).count();
  }
  output.data(Json::of(object));
}

void print_counts(Output& output, const char* head, const Counts& counts) {
  if (counts.empty()) return;
  std::vector<std::pair<std::string, std::uint64_t>> most(counts.begin(), counts.end());
  std::stable_sort(most.begin(), most.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  constexpr std::size_t kShownMax = 20;
  std::vector<std::vector<std::string>> cells{{head, "RUNS"}};
  for (std::size_t i = 0; i < most.size() && i < kShownMax; ++i)
    cells.push_back({one_line(most[i].first, 60), std::to_string(most[i].second)});
  output.data("");
  for (const auto& line : table(cells)) output.data(line);
  if (most.size() > kShownMax) output.data(fmt::format("and {} more", most.size() - kShownMax));
}

void print_text(Output& output, const Stats& stats, UtcTime since, UtcTime until) {
  output.data(fmt::format("{} runs from {} until {}", stats.runs, short_time(since), short_time(until)));
  if (!stats.times.empty())
    output.data(fmt::format("{} ended; half of them within {}, 95 % within {}", stats.times.size(),
                            duration(percentile(stats.times, 50)), duration(percentile(stats.times, 95))));
  if (stats.tokens > 0) output.data(fmt::format("{} tokens, {}", stats.tokens, money(stats.cost)));
  if (stats.unsettled.count > 0)
    output.data("at most " + money(stats.unsettled) + " besides, by calls whose end nobody saw");
  print_counts(output, "STATUS", stats.by_status);
  print_counts(output, "WORKFLOW", stats.by_workflow);
  print_counts(output, "STREAM", stats.by_stream);
  print_counts(output, "FAILURE", stats.failures);
}

}  // namespace

Result<Exit> show_stats(Context& context, const StatsArgs& args) {
  const auto now = context.clock.utc_now();
  persistence::RunQuery asked;
  HILLSTAR_TRY(asked.since, time_from_text(args.since, now, "--since"));
  if (!args.until.empty()) {
    HILLSTAR_TRY(asked.until, time_from_text(args.until, now, "--until"));
  }
  if (!args.workflow.empty()) asked.workflow = WorkflowId(args.workflow);
  if (!args.stream.empty()) asked.stream = args.stream;
  HILLSTAR_TRY(const auto store, read_store(context));
  Stats stats;
  HILLSTAR_CHECK(store->each(asked, [&](const run::Summary& row) {
    add(stats, *store, row);
    return true;
  }));
  std::sort(stats.times.begin(), stats.times.end());
  if (context.output.is_json())
    print_json(context.output, stats, *asked.since, asked.until.value_or(now));
  else
    print_text(context.output, stats, *asked.since, asked.until.value_or(now));
  return Exit::done;
}

}  // namespace hillstar::cli
