// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/engine_pulse.hpp"

namespace hillstar::cli {

EnginePulse::EnginePulse(Engine& engine, std::chrono::milliseconds every, std::function<void()> alive)
    : engine_(engine), alive_(std::move(alive)), thread_([this, every] { run(every); }) {}

EnginePulse::~EnginePulse() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void EnginePulse::run(std::chrono::milliseconds every) {
  std::unique_lock lock(mutex_);
  while (!ends_) {
    lock.unlock();
    // The supervisor answers the one, the log the other.
    (void)engine_.live_runs();
    if (const auto ticket = engine_.watch([](const RunId&, const auto&) {})) {
      engine_.unwatch(*ticket);
      alive_();
    }
    lock.lock();
    wake_.wait_for(lock, every, [this] { return ends_; });
  }
}

}  // namespace hillstar::cli
