// SPDX-License-Identifier: Apache-2.0
// ls: runs, newest first, page by page.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "apps/cli/carry.hpp"
#include "apps/cli/command_table.hpp"
#include "apps/cli/list_commands.hpp"
#include "apps/cli/report.hpp"
#include "apps/cli/selector.hpp"
#include "apps/cli/text.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

constexpr std::size_t kRunIdLength = 26;

Result<persistence::RunQuery> query_of(const LsArgs& args, UtcTime now) {
  persistence::RunQuery asked;
  asked.statuses = args.statuses;
  if (!args.workflow.empty()) asked.workflow = WorkflowId(args.workflow);
  if (!args.stream.empty()) asked.stream = args.stream;
  if (!args.correlation.empty()) asked.correlation = args.correlation;
  if (!args.label.empty()) {
    const auto sign = args.label.find('=');
    if (sign == 0 || sign == std::string::npos)
      return Error{
          Errc::usage, "--label: '" + args.label + "' is no label.", {}, "Give its name and value: NAME=VALUE."};
    asked.label = {args.label.substr(0, sign), args.label.substr(sign + 1)};
  }
  if (!args.since.empty()) {
    HILLSTAR_TRY(asked.since, time_from_text(args.since, now, "--since"));
  }
  if (!args.until.empty()) {
    HILLSTAR_TRY(asked.until, time_from_text(args.until, now, "--until"));
  }
  if (!args.before.empty()) {
    if (args.before.size() != kRunIdLength)
      return Error{Errc::usage, "--before: '" + args.before + "' is no whole run id.", {}, "Give all 26 characters."};
    asked.before = RunId(args.before);
  }
  return asked;
}

/// As many pages as `limit` rows need.
Result<persistence::RunPage> rows_of(const persistence::EventStore& store, persistence::RunQuery asked,
                                     std::size_t limit) {
  persistence::RunPage all;
  do {
    asked.limit = std::min(limit - all.rows.size(), persistence::kPageRowsMax);
    HILLSTAR_TRY(auto page, store.query(asked));
    if (page.problem && !all.problem) all.problem = page.problem;
    all.more = page.more && !page.rows.empty();
    if (!page.rows.empty()) asked.before = page.rows.back().run;
    for (auto& row : page.rows) all.rows.push_back(std::move(row));
  } while (all.more && all.rows.size() < limit);
  return all;
}

void print_table(Output& output, const std::vector<run::Summary>& rows) {
  const bool streams = std::any_of(rows.begin(), rows.end(), [](const auto& row) { return row.stream.has_value(); });
  std::vector<std::vector<std::string>> cells{{"RUN", "WORKFLOW", "STATUS", "NODES", "STARTED", "TIME", "COST"}};
  if (streams) cells.front().emplace_back("STREAM");
  for (const auto& row : rows) {
    cells.push_back({row.run.str(), one_line(row.workflow.str(), 32), row.status,
                     fmt::format("{}/{}", row.nodes_done, row.nodes), short_time(row.started_at),
                     duration(row.updated_at - row.started_at), row.cost.count > 0 ? money(row.cost) : ""});
    if (streams) cells.back().push_back(one_line(row.stream.value_or(""), 48));
  }
  for (const auto& line : table(cells)) output.data(line);
}

}  // namespace

Result<Exit> list_runs(Context& context, const LsArgs& args) {
  HILLSTAR_TRY(auto asked, query_of(args, context.clock.utc_now()));
  HILLSTAR_TRY(const auto store, read_store(context));
  if (!args.part_of.empty()) {
    HILLSTAR_TRY(const auto above, select_run(*store, args.part_of));
    asked.above = above.run;
  }
  HILLSTAR_TRY(const auto page, rows_of(*store, asked, args.limit));
  const auto& rows = page.rows;
  auto& output = context.output;
  if (output.format() == Format::json) {
    bj::array array;
    for (const auto& row : rows) array.push_back(row_object(row).value());
    output.data(Json::of(array));
  } else if (output.format() == Format::jsonl) {
    for (const auto& row : rows) output.data(row_object(row));
  } else if (rows.empty()) {
    output.say("No runs.");
  } else {
    print_table(output, rows);
  }
  if (page.more) output.say("There are more: the same with --before " + rows.back().run.str());
  if (page.problem) return *page.problem;
  return Exit::done;
}

void add_lists(Commands& commands) {
  auto [ls, l] = commands.add<LsArgs>("ls", "List runs, newest first", list_runs);
  ls->add_option("--status", l->statuses, "only these; may be repeated")
      ->check(CLI::IsMember({"queued", "running", "waiting", "paused", "cancelling", "timing_out", "failing",
                             "completed", "failed", "cancelled", "timed_out"}))
      ->allow_extra_args(false)
      ->take_all()
      ->type_name("STATUS");
  ls->add_option("--workflow", l->workflow, "only runs of this workflow")->type_name("ID");
  ls->add_option("--stream", l->stream, "only runs that it started")->type_name("NAME");
  ls->add_option("--label", l->label, "only runs with it")->type_name("NAME=VALUE");
  ls->add_option("--part-of", l->part_of, "only runs that nodes of this run have started")->type_name("RUN");
  ls->add_option("--correlation", l->correlation, "only runs with it")->type_name("ID");
  ls->add_option("--since", l->since, "started then or later: a day, a time, today, or 90s, 15m, 2h, 7d, 4w ago")
      ->type_name("TIME");
  ls->add_option("--until", l->until, "started before")->type_name("TIME");
  ls->add_option("--before", l->before, "only runs older than this one: the next page")->type_name("RUN");
  ls->add_option("--limit", l->limit, "at most so many")->check(CLI::Range(1U, 1'000'000U))->capture_default_str();

  auto [stats, s] = commands.add<StatsArgs>("stats", "Add up the runs of a time", show_stats);
  stats->add_option("--workflow", s->workflow, "only runs of this workflow")->type_name("ID");
  stats->add_option("--stream", s->stream, "only runs that it started")->type_name("NAME");
  stats->add_option("--since", s->since, "started then or later: as `ls` takes it")
      ->type_name("TIME")
      ->capture_default_str();
  stats->add_option("--until", s->until, "started before")->type_name("TIME");
}

}  // namespace hillstar::cli
