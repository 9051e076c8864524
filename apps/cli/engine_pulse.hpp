// SPDX-License-Identifier: Apache-2.0
// Asks the engine of a service again and again whether it still answers, and tells who wants to know.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "actors/engine.hpp"

namespace hillstar::cli {

/// A thread of its own: an engine that hangs must hang nobody else.
class EnginePulse {
 public:
  /// `alive` is called after each answer of the supervisor and of the log, on the thread of this object.
  EnginePulse(Engine& engine, std::chrono::milliseconds every, std::function<void()> alive);
  ~EnginePulse();
  EnginePulse(const EnginePulse&) = delete;
  EnginePulse& operator=(const EnginePulse&) = delete;

 private:
  void run(std::chrono::milliseconds every);

  Engine& engine_;
  std::function<void()> alive_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace hillstar::cli
