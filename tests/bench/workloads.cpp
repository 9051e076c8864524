// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/workloads.hpp"

#include <boost/json.hpp>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <stdexcept>

#include "persistence/rocksdb_store.hpp"
#include "runtime/workflow/compile.hpp"
#include "tests/bench/measure.hpp"

namespace hillstar::bench {
namespace {

namespace bj = boost::json;

std::shared_ptr<const workflow::Plan> plan_of(bj::object nodes, bj::array edges, bj::object model_config,
                                              std::uint32_t width) {
  model_config["max_concurrency"] = width;
  const bj::object file{{"id", "bench"},
                        {"graph", {{"nodes", std::move(nodes)}, {"edges", std::move(edges)}}},
                        {"model_config", std::move(model_config)}};
  // The tool `step` is not one that authors can name: the plan is compiled with another and renamed.
  auto compiled = workflow::compile(bj::serialize(file));
  if (!compiled.plan) throw std::runtime_error(workflow::to_string(compiled.diagnostics.front(), "bench"));
  for (auto& node : compiled.plan->nodes)
    if (node.tool == "file_read") node.tool = "step";
  return std::make_shared<const workflow::Plan>(std::move(*compiled.plan));
}

std::string name(std::uint32_t i) { return "n" + std::to_string(i); }
bj::object edge(std::uint32_t from, std::uint32_t to) { return {{"from", name(from)}, {"to", name(to)}}; }
std::string output_of(std::uint32_t i) { return "{{ " + name(i) + ".output }}"; }

tools::ToolReply step(const tools::ToolCall& call, const tools::ToolContext&) {
  std::string text = call.input.text.substr(0, 40);
  text.resize(200, '.');
  std::string result = R"({"output":)";
  json::append_string(result, text);
  return {{{}, Json::from_canonical(result + "}")}, std::nullopt, false};
}

}  // namespace

std::shared_ptr<const workflow::Plan> chain(std::uint32_t count) {
  bj::object nodes;
  bj::array edges;
  for (std::uint32_t i = 0; i < count; ++i) {
    nodes[name(i)] = {{"tool", "file_read"}, {"input", i == 0 ? "start" : output_of(i - 1)}};
    if (i > 0) edges.push_back(edge(i - 1, i));
  }
  return plan_of(std::move(nodes), std::move(edges), {}, 4);
}

std::shared_ptr<const workflow::Plan> fan(std::uint32_t width) {
  bj::object nodes;
  bj::array edges;
  nodes[name(0)] = {{"tool", "file_read"}, {"input", "start"}};
  for (std::uint32_t i = 1; i <= width; ++i) {
    nodes[name(i)] = {{"tool", "file_read"}, {"input", output_of(0)}};
    edges.push_back(edge(0, i));
    edges.push_back(edge(i, width + 1));
  }
  nodes[name(width + 1)] = {{"tool", "file_read"}, {"input", output_of(width)}};
  return plan_of(std::move(nodes), std::move(edges), {}, width);
}

std::shared_ptr<const workflow::Plan> model_chain(std::uint32_t calls, const std::string& url) {
  bj::object nodes;
  bj::array edges;
  for (std::uint32_t i = 0; i < calls; ++i) {
    nodes[name(i)] = {{"tool", "model_call"},
                      {"provider", "bench"},
                      {"model", "mock"},
                      {"input", i == 0 ? "start" : output_of(i - 1)}};
    if (i > 0) edges.push_back(edge(i - 1, i));
  }
  bj::object config{{"custom_providers", {{"bench", {{"endpoint", url}, {"model_name", "mock"}, {"type", "custom"}}}}}};
  return plan_of(std::move(nodes), std::move(edges), std::move(config), 4);
}

std::unique_ptr<persistence::EventStore> store_in(const std::string& folder) {
  auto store = persistence::RocksStore::open(folder, {});
  if (!store) throw std::runtime_error(to_string(store.error()));
  return std::move(*store);
}

EngineOptions options() {
  EngineOptions options;
  options.catalog = tools::standard_catalog();
  options.catalog["step"] = {step, false};
  options.model_calls_max = 10'000;
  return options;
}

struct Driver::Ends {
  std::mutex mutex;
  std::condition_variable ended;
  std::uint32_t live = 0;
  std::uint64_t completed = 0;
};

Driver::Driver(persistence::EventStore& store, EngineOptions with) : ends_(std::make_unique<Ends>()) {
  with.on_end = [ends = ends_.get()](const RunId&, const run::Summary& summary) {
    const std::lock_guard lock(ends->mutex);
    --ends->live;
    ends->completed += summary.status == "completed" ? 1 : 0;
    ends->ended.notify_one();
  };
  engine_ = Engine::start_up(store, std::move(with), {});
}

Driver::~Driver() = default;

Driven Driver::run(const Load& load) {
  auto& ends = *ends_;
  const auto before = ends.completed;
  const auto cost = measure([&] {
    for (std::uint32_t i = 0; i < load.runs; ++i) {
      {
        std::unique_lock lock(ends.mutex);
        ends.ended.wait(lock, [&] { return ends.live < load.in_flight; });
        ++ends.live;
      }
      StartRun request;
      request.plan = load.plan;
      request.workflow_text = "bench";
      request.inputs = Json::from_canonical("{}");
      request.workspace = "/";
      request.started_by = "bench";
      engine_->start_async(std::move(request), [](const Result<RunId>& run) {
        if (!run) std::abort();
      });
    }
    std::unique_lock lock(ends.mutex);
    ends.ended.wait(lock, [&] { return ends.live == 0; });
  });
  return {cost.wall_s, cost.cpu_s, ends.completed - before};
}

Driven drive(persistence::EventStore& store, const Load& load) { return Driver(store, options()).run(load); }

}  // namespace hillstar::bench
