// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/store_lists.hpp"

#include <fmt/format.h>

#include <array>
#include <functional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "persistence/chain.hpp"
#include "persistence/rocksdb_store.hpp"
#include "persistence/run_index.hpp"
#include "tests/bench/measure.hpp"

namespace hillstar::bench {
namespace {

using namespace hillstar::persistence;

constexpr std::int64_t kStart = 1'700'000'000'000'000;
constexpr std::int64_t kSecond = 1'000'000;

/// One run a second.
run::Summary row_of(std::uint64_t n) {
  run::Summary row;
  row.started_at = {kStart + static_cast<std::int64_t>(n) * kSecond};
  row.updated_at = {row.started_at.micros + 5 * kSecond};
  const auto id = first_id_of(row.started_at);
  row.run = RunId(std::string(id.data(), 10) + fmt::format("{:016}", n));
  row.workflow = WorkflowId(fmt::format("workflow_{}", n % 20));
  row.workflow_file = "flows/some_workflow.json";
  row.status = n % 100 == 7 ? "failed" : n % 100'000 == 11 ? "waiting" : "completed";
  row.version = 1;
  row.nodes = row.nodes_done = 10;
  row.stream = fmt::format("workflow_{}/main", n % 20);
  row.key = fmt::format("delivery-{}", n);
  row.correlation = fmt::format("batch-{}", n / 50);
  // `even` and `odd` hold for half of the runs each, and together for none.
  row.labels = {{"site", n % 2 == 0 ? "even" : "odd"}, {"plate", fmt::format("P-{}", n % 96)}};
  return row;
}

Append start_of(const run::Summary& row) {
  RunStarted started;
  started.workflow = row.workflow;
  started.labels = row.labels;
  Append append;
  append.run = row.run;
  append.records.push_back(encode(row.run, 1, row.started_at, started, Hash{}));
  append.summary = row;
  return append;
}

void fill(const std::string& folder, std::uint64_t runs, const std::function<run::Summary(std::uint64_t)>& row) {
  const auto store = RocksStore::open(folder, {});
  if (!store) throw std::runtime_error(to_string(store.error()));
  std::vector<Append> appends;
  for (std::uint64_t n = 0; n < runs; ++n) {
    appends.push_back(start_of(row(n)));
    if (appends.size() < 1'000 && n + 1 < runs) continue;
    const auto refused = (*store)->commit(appends);
    if (!refused || !refused->empty()) throw std::runtime_error("a run was refused");
    appends.clear();
  }
}

}  // namespace

void lists(const std::string& folder) {
  constexpr std::uint64_t kRuns = 1'000'000;
  fill(folder, kRuns, row_of);
  const auto store = RocksStore::open(folder, {.read_only = true});
  if (!store) throw std::runtime_error(to_string(store.error()));
  const auto middle = row_of(kRuns / 2);
  using Label = std::pair<std::string, std::string>;
  const std::vector<std::pair<std::string, RunQuery>> questions{
      {"the newest", {}},
      {"status failed", {.statuses = {"failed"}}},
      {"without an end", {.statuses = open_statuses()}},
      {"one workflow, from the middle on", {.workflow = middle.workflow, .before = middle.run}},
      {"stream and key", {.stream = middle.stream, .key = middle.key}},
      {"a label and a status", {.statuses = {"failed"}, .label = Label{"plate", "P-7"}}},
      {"a correlation", {.correlation = middle.correlation}},
      {"an hour in the middle",
       {.since = middle.started_at, .until = UtcTime{middle.started_at.micros + 3600 * kSecond}}},
      {"failed of a workflow in a day",
       {.statuses = {"failed"},
        .workflow = WorkflowId("workflow_7"),
        .since = UtcTime{middle.started_at.micros - 86'400 * kSecond},
        .until = middle.started_at}},
      {"two conditions of many runs each, none of both",
       {.workflow = WorkflowId("workflow_1"), .label = Label{"site", "even"}}}};
  std::vector<Row> lines;
  for (const auto& [what, asked] : questions) {
    std::size_t rows = 0;
    std::vector<double> walls;
    for (int i = 0; i < 5; ++i)
      walls.push_back(measure([&, &question = asked] {
                        const auto page = (*store)->query(question);
                        if (!page) throw std::runtime_error(to_string(page.error()));
                        rows = page->rows.size();
                      }).wall_s);
    lines.push_back({fmt::format("{} ({} rows)", what, rows), number(median(walls) * 1e3, 2, "ms"), "under 100 ms"});
  }
  print("1,000,000 runs: a page of 100", lines);
}

void restart(const std::string& folder) {
  constexpr std::uint64_t kRuns = 100'000;
  fill(folder, kRuns, [](std::uint64_t n) {
    auto row = row_of(n);
    row.status = n % 2 == 0 ? "waiting" : "queued";
    return row;
  });
  std::size_t open = 0;
  const auto cost = measure([&] {
    const auto store = RocksStore::open(folder, {});
    if (!store) throw std::runtime_error(to_string(store.error()));
    const auto listed = (*store)->each({.statuses = open_statuses()}, [&](const run::Summary&) { return ++open > 0; });
    if (!listed) throw std::runtime_error(to_string(listed.error()));
  });
  print("100,000 runs without an end",
        {{fmt::format("open the store, list them ({})", open), number(cost.wall_s, 2, "s"), "under 10 s"}});
}

}  // namespace hillstar::bench
