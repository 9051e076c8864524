// SPDX-License-Identifier: Apache-2.0
// A stream `test/e` of an engine, and triggers for it.
#pragma once

#include <future>
#include <memory>
#include <string>
#include <utility>

#include "tests/support/engine_host.hpp"

namespace hillstar::testing {

inline EntryPoint entry_of(std::uint32_t concurrent, std::uint32_t queued, Overflow overflow = Overflow::reject) {
  EntryPoint entry;
  entry.id = "e";
  entry.max_concurrent = concurrent;
  entry.max_queued = queued;
  entry.overflow = overflow;
  return entry;
}

inline Result<StreamStatus> declare(Engine& engine, EntryPoint entry, std::shared_ptr<const workflow::Plan> plan) {
  DeclareStream request;
  request.entry = std::move(entry);
  request.plan = std::move(plan);
  request.workflow_text = "{}";
  request.workspace = "/";
  request.declared_by = "tester";
  return engine.declare(std::move(request));
}

inline std::future<Result<Accepted>> offer(Engine& engine, TriggerRun trigger = {}) {
  auto promise = std::make_shared<std::promise<Result<Accepted>>>();
  trigger.stream = "test/e";
  trigger.started_by = "tester";
  engine.trigger_async(std::move(trigger), [promise](Result<Accepted> done) { promise->set_value(std::move(done)); });
  return promise->get_future();
}
inline Result<Accepted> trigger(Engine& engine, TriggerRun what = {}) { return offer(engine, std::move(what)).get(); }
inline TriggerRun with_key(std::string key) {
  TriggerRun what;
  what.key = std::move(key);
  return what;
}

inline StreamStatus status_of(const Engine& engine) {
  const auto all = engine.streams();
  REQUIRE(all.size() == 1);
  return all.front();
}

}  // namespace hillstar::testing
