// SPDX-License-Identifier: Apache-2.0
// The numbers the engine is held to, beside this machine's own limits, measured in the same run.
// Usage: hillstar_bench [--folder DIR] [--server PROGRAM] [--binary PROGRAM] [--runs N] [NAME...]
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <stdexcept>

#include "runtime/policy/redaction.hpp"
#include "runtime/run/run.hpp"
#include "tests/bench/exchange.hpp"
#include "tests/bench/measure.hpp"
#include "tests/bench/model_server.hpp"
#include "tests/bench/remote_loads.hpp"
#include "tests/bench/store_lists.hpp"
#include "tests/bench/stream_loads.hpp"
#include "tests/bench/transport_loads.hpp"
#include "tests/bench/wire_loads.hpp"
#include "tests/bench/workloads.hpp"

namespace hillstar::bench {
namespace {

struct Settings {
  std::string folder = "build/bench";
  std::string server;  // mock model server
  std::string binary;  // hillstar-actors
  int runs = 300'000;  // of `memory`
  std::set<std::string> names;
  [[nodiscard]] bool wants(const std::string& name) const { return names.empty() || names.contains(name); }
};

void expect_all(const Driven& driven, std::uint64_t runs) {
  if (driven.completed != runs)
    throw std::runtime_error(fmt::format("{} of {} runs completed", driven.completed, runs));
}

void machine(const WorkFolder& work, double sync_s) {
  print("This machine",
        {{"append 512 bytes + fdatasync, median", number(sync_s * 1e6, 0, "us"), ""},
         {"raw RocksDB, 250-byte values, 256 a synced batch",
          number(rocksdb_values_per_s(work.fresh("raw256"), 256), 0, "/s"), ""},
         {"raw RocksDB, 1 a synced batch", number(rocksdb_values_per_s(work.fresh("raw1"), 1), 0, "/s"), ""},
         {"posix_spawn /bin/true", number(spawns_per_s(), 0, "/s"), ""}});
}

void one_chain(const WorkFolder& work) {
  std::vector<double> per_step;
  std::vector<double> syncs;
  std::vector<double> ratios;
  const auto store = store_in(work.fresh("chain"));
  const auto plan = chain(100);
  // Disks drift, some by a factor of twenty from one second to the next: each chain is compared with the syncs at both
  // its sides.
  double before = fdatasync_s(work.path());
  for (int i = 0; i < 15; ++i) {
    const auto driven = drive(*store, {plan, 1, 1});
    expect_all(driven, 1);
    const double after = fdatasync_s(work.path());
    per_step.push_back(driven.wall_s / 100);
    syncs.push_back(std::exchange(before, after));
    ratios.push_back(per_step.back() / ((syncs.back() + after) / 2));
  }
  print("One run, a chain of 100 in-process steps, one sync a step",
        {{"fdatasync beside them, median", number(median(syncs) * 1e6, 0, "us"), ""},
         {"durable step, median of 15 chains", number(median(per_step) * 1e6, 0, "us"), ""},
         {"ratio to fdatasync, median of 15 pairs", number(median(ratios), 2, "x"), "at most 1.5 x"}});
}

void many_chains(const WorkFolder& work) {
  const auto store = store_in(work.fresh("many"));
  reset_peak_rss();
  const auto driven = drive(*store, {chain(10), 2'000, 500});
  expect_all(driven, 2'000);
  print("2,000 runs x 10 steps, 500 in flight",
        {{"durable steps", number(20'000 / driven.wall_s, 0, "/s"), "at least 30,000 /s"},
         {"CPU per step", number(driven.cpu_s / 20'000 * 1e6, 1, "us"), "under 45 us"},
         {"peak resident memory", number(peak_rss_mb(), 0, "MB"), "under 150 MB"}});
}

void fan_out(const WorkFolder& work) {
  const auto store = store_in(work.fresh("fan"));
  const auto driven = drive(*store, {fan(10'000), 1, 1});
  expect_all(driven, 1);
  print("1 root -> 10,000 parallel steps -> join", {{"wall", number(driven.wall_s, 3, "s"), "under 1 s"}});
}

void model_calls(const WorkFolder& work, const std::string& program) {
  const ModelServer server(program, {"--delay-ms", "1000"});
  const auto store = store_in(work.fresh("models"));
  reset_peak_rss();
  const auto driven = drive(*store, {model_chain(3, server.url()), 5'000, 5'000});
  expect_all(driven, 5'000);
  print("5,000 runs x 3 chained model calls of 1 s, loopback server",
        {{"wall (ideal 3.00 s)", number(driven.wall_s, 2, "s"), "under 4.0 s"},
         {"CPU per call", number(driven.cpu_s / 15'000 * 1e6, 0, "us"), ""},
         {"peak resident memory", number(peak_rss_mb(), 0, "MB"), "under 200 MB"}});
}

void recovery(const WorkFolder& work) {
  const auto path = work.fresh("recovery");
  constexpr std::uint32_t kRuns = 5'000;
  const auto plan = chain(100);
  {
    const auto store = store_in(path);
    expect_all(drive(*store, {plan, kRuns, 500}), kRuns);
  }
  const auto store = store_in(path);
  std::uint64_t events = 0;
  const auto cost = measure([&] {
    const auto listed = store->list([&](const run::Summary& row) {
      const auto history = store->read(row.run);
      if (!history) throw std::runtime_error(to_string(history.error()));
      events += history->size();
      if (!run::is_terminal(run::replay(plan, *history))) throw std::runtime_error("a run has no end");
      return true;
    });
    if (!listed) throw std::runtime_error(to_string(listed.error()));
  });
  print("Recovery: read, verify the chain and fold",
        {{"events", fmt::format("{}", events), ""},
         {"wall for 1,000,000 events", number(cost.wall_s * 1e6 / static_cast<double>(events), 2, "s"), "under 5 s"}});
}

void command_line(const WorkFolder& work, const std::string& binary) {
  const auto folder = work.fresh("cli");
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/in.txt") << "hello\n";
  std::ofstream(folder + "/flow.json") << R"({"id":"cold","graph":{"nodes":{
    "read":{"tool":"file_read","parameters":{"path":"in.txt"}},
    "cat":{"tool":"script_run","parameters":{"script":"/bin/cat"},"input":"{{ read.output }}"},
    "write":{"tool":"file_write","parameters":{"path":"out.txt"},"input":"{{ cat.output }}"}},
    "edges":[{"from":"read","to":"cat"},{"from":"cat","to":"write"}]}})";
  const auto command = fmt::format("cd {} && {} run flow.json >/dev/null 2>&1", folder, binary);
  std::vector<double> walls;
  for (int i = 0; i < 9; ++i)
    walls.push_back(measure([&] {
                      if (std::system(command.c_str()) != 0) throw std::runtime_error("the run failed: " + command);
                    }).wall_s);
  std::vector<double> scripts;
  const auto script = fmt::format("cd {} && /bin/cat in.txt >/dev/null", folder);
  for (int i = 0; i < 9; ++i) scripts.push_back(measure([&] { std::ignore = std::system(script.c_str()); }).wall_s);
  print("`run` of a 3-node file and script workflow, process start to exit",
        {{"wall, median of 9", number(median(walls) * 1e3, 1, "ms"), ""},
         {"more than the script itself", number((median(walls) - median(scripts)) * 1e3, 1, "ms"), "under 50 ms"}});
}

void redaction() {
  const policy::Redactor redactor({"a-key-that-is-held-0123456789"}, std::make_shared<const policy::SecretRules>());
  const policy::Redactor rules({}, std::make_shared<const policy::SecretRules>());
  // Lines as programs print them: words of every kind, none of them a credential.
  std::string text;
  for (std::uint32_t line = 0; text.size() < 32U << 20U; ++line)
    text += fmt::format(
        "2026-11-22T10:{:02}:{:02}Z INFO step {} read 42 samples of plate P-{}: the second account asks for the next "
        "token, {:08x}{:08x} is its digest (https://lab.example.org/runs/{})\n",
        line / 60 % 60, line % 60, line, line % 96, line * 2654435761U, line * 40503U, line);
  const auto mb_per_s = [&text](const auto& work) {
    std::vector<double> all;
    for (int i = 0; i < 5; ++i) all.push_back(static_cast<double>(text.size()) / 1e6 / measure(work).cpu_s);
    return median(all);
  };
  const auto feed = [&text](const policy::Redactor& with) {
    policy::StreamRedactor stream(with);
    std::size_t bytes = 0;
    for (std::size_t at = 0; at < text.size(); at += 64U << 10U)
      bytes += stream.feed(std::string_view(text).substr(at, 64U << 10U)).size();
    if (bytes + stream.finish().size() != text.size()) throw std::runtime_error("ordinary text was changed");
  };
  const auto reply = Json::of(boost::json::object{{"output", text.substr(0, 200)}, {"tokens_used", 321}});
  constexpr int kReplies = 200'000;
  const auto small = measure([&] {
    for (int i = 0; i < kReplies; ++i)
      if (redactor.redact(reply).text().empty()) throw std::runtime_error("a reply is gone");
  });
  print("Redaction of ordinary text",
        {{"rules", number(mb_per_s([&] { feed(rules); }), 0, "MB/s"), "at least 100 MB/s"},
         {"rules and one held value", number(mb_per_s([&] { feed(redactor); }), 0, "MB/s"), ""},
         {"a result of 200 bytes", number(small.cpu_s / kReplies * 1e6, 2, "us"), "under 2 us"}});
}

int run(const Settings& settings) {
  const WorkFolder work(settings.folder);
  if (settings.wants("machine")) machine(work, fdatasync_s(work.path()));
  if (settings.wants("chain")) one_chain(work);
  if (settings.wants("many")) many_chains(work);
  if (settings.wants("triggers")) runs_through_a_stream(work.fresh("triggers"));
  if (settings.wants("memory")) memory_over_runs(work.fresh("memory"), settings.runs);
  if (settings.wants("waiting")) waiting_runs(work.fresh("waiting"));
  if (settings.wants("remote")) remote_steps(work.fresh("remote"));
  if (settings.wants("wire")) small_frames();
  if (settings.wants("blob")) blobs(work.fresh("blob"));
  if (settings.wants("workers")) idle_workers(work.fresh("workers"), 200);
  if (settings.wants("fan")) fan_out(work);
  if (settings.wants("models") && !settings.server.empty()) model_calls(work, settings.server);
  if (settings.wants("streams") && !settings.server.empty()) open_streams(settings.server);
  if (settings.wants("exchange")) exchange();
  if (settings.wants("throughput") && !settings.server.empty()) throughput(work.path(), settings.server);
  if (settings.wants("calls") && !settings.server.empty()) provider_calls(settings.server);
  if (settings.wants("redaction")) redaction();
  if (settings.wants("recovery")) recovery(work);
  if (settings.wants("ls")) lists(work.fresh("lists"));
  if (settings.wants("restart")) restart(work.fresh("restart"));
  if (settings.wants("cli") && !settings.binary.empty()) command_line(work, settings.binary);
  return 0;
}

}  // namespace
}  // namespace hillstar::bench

int main(int argc, char** argv) {
  hillstar::bench::Settings settings;
  const std::map<std::string, std::string*> options = {
      {"--folder", &settings.folder}, {"--server", &settings.server}, {"--binary", &settings.binary}};
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--runs" && i + 1 < argc) {
      settings.runs = std::max(std::atoi(argv[++i]), 3);
      continue;
    }
    const auto option = options.find(argv[i]);
    if (option != options.end() && i + 1 < argc)
      *option->second = argv[++i];
    else
      settings.names.insert(argv[i]);
  }
  try {
    if (argc > 1 && std::string_view(argv[1]) == "--as-workers")
      return hillstar::bench::be_workers(std::vector<std::string>(argv + 2, argv + argc));
    return hillstar::bench::run(settings);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench: %s\n", error.what());
    return 1;
  }
}
