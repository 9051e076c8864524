// SPDX-License-Identifier: Apache-2.0
// An engine over a store, and the patience to wait for what it says. Nothing here sleeps.
#pragma once

#include <doctest/doctest.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "actors/engine.hpp"
#include "persistence/memory_store.hpp"
#include "tests/support/plans.hpp"
#include "tests/support/scripted_tool.hpp"

namespace hillstar::testing {

/// What a follower saw. Thread-safe; may go away before the engine that it follows.
class Seen {
 public:
  FeedCallback callback() {
    return [told = told_](const FeedItem& item) {
      {
        const std::lock_guard lock(told->mutex);
        told->items.push_back(item);
      }
      told->changed.notify_all();
    };
  }
  template <class Predicate>
  bool wait(Predicate predicate) {
    std::unique_lock lock(told_->mutex);
    return told_->changed.wait_for(lock, kPatience, [&] { return predicate(told_->items); });
  }
  bool wait_for(std::string_view described) {
    return wait([&](const std::vector<FeedItem>& items) {
      for (const auto& item : items)
        if (const auto* event = std::get_if<FeedEvent>(&item))
          if (Told::describe(event->recorded.event) == described) return true;
      return false;
    });
  }
  std::vector<FeedItem> items() {
    const std::lock_guard lock(told_->mutex);
    return told_->items;
  }

 private:
  struct Items {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<FeedItem> items;
  };
  std::shared_ptr<Items> told_ = std::make_shared<Items>();
};

struct Host {
  explicit Host(persistence::EventStore& store_) : store(store_) {
    options.scheduler_threads = 2;
    options.script_slots = 2;
    options.on_end = [this](const RunId& run, const run::Summary& summary) {
      {
        const std::lock_guard lock(mutex);
        ends.emplace(run, summary);
      }
      ended.notify_all();
    };
  }
  ~Host() { engine.reset(); }

  /// Every tool of the plans is this one.
  Host& with(ScriptedTool tool, bool blocks = true) {
    options.catalog["script_run"] = {std::move(tool), blocks};
    return *this;
  }
  Engine& up() {
    engine = Engine::start_up(store, options, {});
    return *engine;
  }
  RunId start(std::shared_ptr<const workflow::Plan> plan) {
    StartRun request;
    request.plan = std::move(plan);
    request.workflow_text = "{}";
    request.inputs = Json::from_canonical("{}");
    request.workspace = "/";
    request.started_by = "tester";
    auto run = engine->start(std::move(request));
    REQUIRE_MESSAGE(run, (run ? "" : to_string(run.error())));
    return *run;
  }
  std::string end_of(const RunId& run) {
    std::unique_lock lock(mutex);
    if (!ended.wait_for(lock, kPatience, [&] { return ends.count(run) != 0; })) return "no end";
    return ends.at(run).status;
  }
  std::string run(std::shared_ptr<const workflow::Plan> plan) { return end_of(start(std::move(plan))); }
  std::vector<std::string> history(const RunId& run) const {
    std::vector<std::string> lines;
    const auto recorded = store.read(run);
    if (!recorded) return {to_string(recorded.error())};
    for (const auto& entry : *recorded) lines.push_back(Told::describe(entry.event));
    return lines;
  }
  template <class What>
  Result<std::vector<Event>> tell(const RunId& run, What what) {
    return engine->tell(run, Input{{}, 0, std::move(what)});
  }

  persistence::EventStore& store;
  EngineOptions options;
  std::mutex mutex;
  std::condition_variable ended;
  std::map<RunId, run::Summary> ends;
  std::unique_ptr<Engine> engine;
};

}  // namespace hillstar::testing
