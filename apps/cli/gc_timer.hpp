// SPDX-License-Identifier: Apache-2.0
// gc from time to time, inside the host of a store: what the retention of the streams does not keep goes.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "actors/engine.hpp"
#include "apps/cli/engine_notes.hpp"
#include "messages/error.hpp"

namespace hillstar::cli {

class GcTimer {
 public:
  /// A span as people type it, of at least a second. Errors: usage.
  static Result<Millis> every(const std::string& text);

  /// All outlive the timer. The first time is after `every`.
  GcTimer(Engine& engine, persistence::EventStore& store, Millis every, EngineNotes& notes);
  /// Waits until what is under way has ended, which the end of the engine hastens.
  ~GcTimer();
  GcTimer(const GcTimer&) = delete;
  GcTimer& operator=(const GcTimer&) = delete;

  /// No further time begins. Does not wait.
  void let_go();

 private:
  void run();
  void collect();

  Engine& engine_;
  persistence::EventStore& store_;
  const Millis every_;
  EngineNotes& notes_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace hillstar::cli
