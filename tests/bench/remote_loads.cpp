// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/remote_loads.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>

#include "actors/worker.hpp"
#include "tests/bench/measure.hpp"
#include "tests/bench/workloads.hpp"
#include "tests/support/papers.hpp"

namespace hillstar::bench {
namespace {

constexpr const char* kLabel = "bench";
constexpr std::chrono::seconds kJoinPatience{60};

/// Workers in a process of their own, which ends with this.
class WorkerProcess {
 public:
  explicit WorkerProcess(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"/proc/self/exe", "--as-workers"});
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0], 0);
    const int failed = ::posix_spawn(&child_, "/proc/self/exe", &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[0]);
    input_ = ends[1];
    if (failed != 0) throw std::runtime_error("no process for the workers");
  }
  ~WorkerProcess() {
    ::close(input_);
    ::waitpid(child_, nullptr, 0);
  }
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

 private:
  pid_t child_ = 0;
  int input_ = -1;
};

EngineOptions taking_workers() {
  auto with = options();
  with.takes_workers = true;
  return with;
}

std::uint16_t open_port(Engine& engine, const actors::wire::Credentials& papers) {
  WorkersAt at;
  at.certificate = papers.certificate;
  at.key = papers.key;
  at.authority = papers.authority;
  at.revocation = papers.revocation;
  const auto port = engine.take_workers(std::move(at));
  if (!port) throw std::runtime_error(to_string(port.error()));
  return *port;
}

void wait_for_workers(const Engine& engine, std::size_t count) {
  const auto until = std::chrono::steady_clock::now() + kJoinPatience;
  while (std::chrono::steady_clock::now() < until) {
    const auto all = engine.workers();
    const auto here = std::count_if(all.begin(), all.end(), [](const auto& worker) { return worker.connected; });
    if (static_cast<std::size_t>(here) >= count) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  throw std::runtime_error("the workers did not join");
}

std::shared_ptr<const workflow::Plan> placed(const workflow::Plan& plan) {
  auto elsewhere = std::make_shared<workflow::Plan>(plan);
  for (auto& node : elsewhere->nodes) {
    node.placement.emplace();
    node.placement->labels[kLabel] = "";
  }
  return elsewhere;
}

void expect_completed(const Driven& driven, std::uint64_t runs) {
  if (driven.completed != runs) throw std::runtime_error("a run did not complete");
}

}  // namespace

void remote_steps(const std::string& folder) {
  constexpr std::uint32_t kSteps = 100;
  constexpr int kPairs = 15;
  testing::Papers papers;
  const auto store = store_in(folder);
  Driver driver(*store, taking_workers());
  const auto port = open_port(driver.engine(), papers.host());
  const auto w = papers.worker("w0");
  const WorkerProcess workers(
      {std::to_string(port), folder + "-worker", "256", w.authority, w.revocation, w.certificate, w.key});
  wait_for_workers(driver.engine(), 1);

  const auto here = chain(kSteps);
  const auto there = placed(*here);
  const auto step_s = [&](const auto& plan) {
    const auto driven = driver.run({plan, 1, 1});
    expect_completed(driven, 1);
    return driven.wall_s / kSteps;
  };
  step_s(there);
  std::vector<double> local;
  std::vector<double> remote;
  std::vector<double> added;
  for (int i = 0; i < kPairs; ++i) {
    local.push_back(step_s(here));
    remote.push_back(step_s(there));
    added.push_back(remote.back() - local.back());
  }
  constexpr std::uint32_t kRuns = 2'000;
  constexpr std::uint32_t kChain = 10;
  const auto many = driver.run({placed(*chain(kChain)), kRuns, 500});
  expect_completed(many, kRuns);
  print("Steps that a worker makes, in another process over TLS",
        {{"a step here, median of 15 chains", number(median(local) * 1e6, 0, "us"), ""},
         {"a step there", number(median(remote) * 1e6, 0, "us"), ""},
         {"added, median of 15 pairs", number(median(added) * 1e6, 0, "us"), "under 300 us"},
         {"2,000 runs x 10 steps, 500 in flight", number(kRuns * kChain / many.wall_s, 0, "/s"), "at least 5,000 /s"},
         {"CPU of the host per step", number(many.cpu_s / (kRuns * kChain) * 1e6, 0, "us"), ""}});
}

void idle_workers(const std::string& folder, int count) {
  constexpr std::chrono::seconds kWatched{20};
  testing::Papers papers;
  const auto store = store_in(folder);
  const Driver driver(*store, taking_workers());
  const auto port = open_port(driver.engine(), papers.host());
  const double before = rss_mb();
  std::vector<std::string> arguments{std::to_string(port), folder + "-workers", "4"};
  for (int i = 0; i < count; ++i) {
    const auto w = papers.worker("w" + std::to_string(i));
    if (i == 0) arguments.insert(arguments.end(), {w.authority, w.revocation});
    arguments.insert(arguments.end(), {w.certificate, w.key});
  }
  const WorkerProcess workers(std::move(arguments));
  wait_for_workers(driver.engine(), static_cast<std::size_t>(count));
  const double joined = rss_mb();
  const auto idle = measure([&] { std::this_thread::sleep_for(kWatched); });
  print(std::to_string(count) + " workers that have nothing to do",
        {{"resident memory of the host before them", number(before, 0, "MB"), ""},
         {"more with them", number(joined - before, 0, "MB"), "under 100 MB"},
         {"CPU of the host, of one processor", number(100 * idle.cpu_s / idle.wall_s, 2, "%"), ""}});
}

int be_workers(const std::vector<std::string>& arguments) {
  const auto port = static_cast<std::uint16_t>(std::stoi(arguments.at(0)));
  const auto& folder = arguments.at(1);
  std::vector<std::unique_ptr<Worker>> workers;
  for (std::size_t i = 5; i + 1 < arguments.size(); i += 2) {
    WorkerOptions with;
    with.host = "127.0.0.1";
    with.port = port;
    with.certificate = arguments[i];
    with.key = arguments[i + 1];
    with.authority = arguments.at(3);
    with.revocation = arguments.at(4);
    with.labels[kLabel] = "";
    with.slots = static_cast<std::uint32_t>(std::stoi(arguments.at(2)));
    with.workspace = folder + "/" + std::to_string(i);
    with.catalog = options().catalog;
    with.log = [](const std::string& line) { std::fprintf(stderr, "worker: %s\n", line.c_str()); };
    std::error_code ignored;
    std::filesystem::create_directories(with.workspace, ignored);
    auto worker = Worker::start(std::move(with));
    if (!worker) throw std::runtime_error(to_string(worker.error()));
    workers.push_back(std::move(*worker));
  }
  char byte = 0;
  while (::read(0, &byte, 1) > 0) {
  }
  return 0;
}

}  // namespace hillstar::bench
