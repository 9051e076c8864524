// SPDX-License-Identifier: Apache-2.0
// replay, export, verify, repair: is what is kept still what was written?
#include <fmt/format.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "apps/cli/carry.hpp"
#include "apps/cli/commands.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/report.hpp"
#include "apps/cli/stream_histories.hpp"
#include "apps/cli/text.hpp"
#include "apps/cli/verify_service.hpp"
#include "apps/http/remote.hpp"
#include "apps/http/remote_store.hpp"
#include "messages/json_codec.hpp"
#include "persistence/export.hpp"
#include "persistence/repair.hpp"
#include "runtime/run/view.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

/// Of histories that other programs write meanwhile.
constexpr int kLooksMax = 5;

/// Folds the history again, hash chain included, and compares with the row of `ls`.
Result<std::uint64_t> replay_one(const persistence::EventStore& store, const RunId& run) {
  HILLSTAR_TRY(const auto stored, load_run(store, run));
  HILLSTAR_TRY(const auto row, store.summary(run));
  const auto folded = run::summarize(stored.state, run);
  if (run::agrees(row, folded)) return stored.state.version;
  const auto a = json::to_text(row);
  const auto b = json::to_text(folded);
  std::size_t from = 0;
  while (from < a.size() && from < b.size() && a[from] == b[from]) ++from;
  const std::size_t begin = from > 20 ? from - 20 : 0;
  return Error{
      Errc::replay_differs,
      fmt::format("The history folds to another state than the stored row at event {}: ...{} instead of ...{}.",
                  stored.state.version, b.substr(begin, 60), a.substr(begin, 60)),
      run.str(), "`hillstar-actors verify` checks the whole store; `repair` tells what can be saved."};
}

/// Line by line, so that exports of any size are checked in bounded memory.
Result<persistence::ExportCheck> check_file(const std::string& file) {
  std::ifstream in(file);
  if (!in) return Error{Errc::not_found, "The file cannot be opened.", file, {}};
  persistence::ExportCheck check;
  std::string line;
  while (std::getline(in, line)) {
    if (const auto checked = check.line(line); !checked)
      return Error{checked.error().code, checked.error().message, file + ": " + checked.error().where,
                   checked.error().hint};
  }
  if (check.count() == 0) return Error{Errc::record_corrupt, "The file holds no record.", file, {}};
  return check;
}

Exit tell(Output& output, const persistence::EventStore& store, const persistence::Verification& found) {
  if (output.is_json()) {
    bj::array damaged;
    for (const auto& damage : found.damaged) damaged.push_back(Json::from_canonical(json::to_text(damage)).value());
    output.data(Json::of(bj::object{{"ok", found.ok()},
                                    {"runs", found.runs},
                                    {"streams", found.streams},
                                    {"states", found.states},
                                    {"records", found.records},
                                    {"removed_runs", found.removed_runs},
                                    {"removed_records", found.removed_records},
                                    {"blobs", found.blobs},
                                    {"damaged", std::move(damaged)},
                                    {"blob_problems", bj::value_from(found.blob_problems)},
                                    {"log_problem", found.log_problem}}));
  } else {
    output.data(fmt::format("{} runs, {} records, {} blobs: {}", found.runs, found.records, found.blobs,
                            found.ok() ? "all hold" : "NOT all hold"));
    if (found.streams > 0) output.data(fmt::format("  and {} histories of streams", found.streams));
    if (found.states > 0) output.data(fmt::format("  and {} histories of shared state", found.states));
    if (found.removed_last)
      output.data(fmt::format("  {} records of {} runs were removed by gc, last on {}", found.removed_records,
                              found.removed_runs, to_rfc3339(*found.removed_last)));
    for (const auto& damage : found.damaged)
      output.data(fmt::format("  {} from event {}: {}", visible(shown_history(store, damage.run)), damage.from_seq,
                              visible(damage.problem)));
    for (const auto& problem : found.blob_problems) output.data("  blob: " + visible(problem));
    if (!found.log_problem.empty()) output.data("  log: " + visible(found.log_problem));
  }
  return found.ok() ? Exit::done : Exit::integrity;
}

Result<Exit> verify_store(Context& context) {
  if (http::is_service_url(context.store)) {
    // What the service says of itself proves nothing: everything is fetched, and looked at here.
    HILLSTAR_TRY(const auto remote, http::Remote::open(context.store, context.environment));
    const auto store = http::remote_store(remote);
    HILLSTAR_TRY(const auto found, verify_service(*remote, *store));
    return tell(context.output, *store, found);
  }
  HILLSTAR_CHECK(check_store(context));
  HILLSTAR_TRY(const auto store, persistence::RocksStore::open(context.store, {.read_only = true, .env = nullptr}));
  HILLSTAR_TRY(const auto found, persistence::verify_all(*store));
  return tell(context.output, *store, found);
}

/// Any history. A store that goes on meanwhile may show its row later than its records.
Result<std::uint64_t> replay_any(const persistence::EventStore& store, const RunId& history) {
  Result<std::uint64_t> replayed = std::uint64_t{0};
  for (int look = 0; look < kLooksMax; ++look) {
    replayed = is_stream_history(history)  ? check_stream(store, history)
               : is_state_history(history) ? check_scope(store, history)
                                           : replay_one(store, history);
    if (replayed || replayed.error().code != Errc::replay_differs) break;
  }
  return replayed;
}

}  // namespace

Result<Exit> replay_runs(Context& context, const ReplayArgs& args) {
  HILLSTAR_TRY(const auto store, read_store(context));
  std::vector<RunId> runs;
  if (args.all) {
    HILLSTAR_CHECK(store->list([&](const run::Summary& row) {
      runs.push_back(row.run);
      return true;
    }));
    HILLSTAR_TRY(const auto streams, store->streams());
    runs.insert(runs.end(), streams.begin(), streams.end());
    HILLSTAR_TRY(const auto states, store->states());
    runs.insert(runs.end(), states.begin(), states.end());
  } else {
    HILLSTAR_TRY(auto run, select_history(*store, args.run));
    runs.push_back(std::move(run));
  }
  auto& output = context.output;
  Exit exit = Exit::done;
  bj::array array;
  for (const auto& run : runs) {
    const auto replayed = replay_any(*store, run);
    if (!replayed) exit = exit_of(replayed.error().code);
    if (output.is_json()) {
      bj::object entry{{"run", run.str()}, {"ok", static_cast<bool>(replayed)}};
      if (replayed)
        entry["events"] = *replayed;
      else
        entry["problem"] = json::to_utf8(to_string(replayed.error()));
      array.push_back(std::move(entry));
    } else if (replayed) {
      output.data(fmt::format("ok   {}  {} events: same state, chain intact", visible(shown_history(*store, run.str())),
                              *replayed));
    } else {
      output.data(
          fmt::format("BAD  {}  {}", visible(shown_history(*store, run.str())), visible(to_string(replayed.error()))));
    }
  }
  if (output.format() == Format::json) output.data(Json::of(array));
  if (output.format() == Format::jsonl)
    for (const auto& entry : array) output.data(Json::of(entry));
  return exit;
}

Result<Exit> verify(Context& context, const std::string& file_or_run) {
  if (file_or_run.empty()) return verify_store(context);
  auto& output = context.output;
  std::error_code failed;
  if (std::filesystem::is_regular_file(file_or_run, failed)) {
    HILLSTAR_TRY(const auto check, check_file(file_or_run));
    if (output.is_json())
      output.data(Json::of(bj::object{{"ok", true},
                                      {"run", check.run().str()},
                                      {"records", check.count()},
                                      {"hash", persistence::to_hex(check.last())}}));
    else
      output.data(fmt::format("ok   {}  {} records, last hash {}", check.run().str(), check.count(),
                              persistence::to_hex(check.last())));
    return Exit::done;
  }
  if (file_or_run.size() > 6 && file_or_run.substr(file_or_run.size() - 6) == ".jsonl")
    return Error{Errc::not_found, "There is no such file.", file_or_run, {}};
  ReplayArgs folded;
  folded.run = file_or_run;
  return replay_runs(context, folded);
}

Result<Exit> repair_store(Context& context) {
  HILLSTAR_CHECK(check_store(context));
  HILLSTAR_TRY(const auto report, persistence::repair(context.store, context.clock.utc_now()));
  const bool whole_again = report.damaged.empty() && report.blob_problems.empty() && report.log_problem.empty();
  auto& output = context.output;
  if (output.is_json()) {
    output.data(json::to_text(report));
  } else {
    output.data(fmt::format("{} records can be read; at least {} are lost", report.log_count, report.records_lost));
    if (!report.head_problem.empty()) output.data("  before: " + visible(report.head_problem));
    for (const auto& damage : report.damaged)
      output.data(fmt::format("  {} from event {}: {}", damage.run, damage.from_seq, visible(damage.problem)));
    for (const auto& problem : report.blob_problems) output.data("  blob: " + visible(problem));
    if (!report.log_problem.empty()) output.data("  log: " + visible(report.log_problem));
    output.say("Nothing was removed; a note of this repair is kept in the store.");
  }
  return whole_again ? Exit::done : Exit::integrity;
}

}  // namespace hillstar::cli
