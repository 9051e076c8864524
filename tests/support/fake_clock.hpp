// SPDX-License-Identifier: Apache-2.0
// A clock that stands until the test moves it. Thread-safe.
#pragma once

#include <atomic>

#include "runtime/platform/clock.hpp"

namespace hillstar::testing {

class FakeClock final : public Clock {
 public:
  explicit FakeClock(UtcTime now = {1'000'000'000'000}) : micros_(now.micros) {}
  [[nodiscard]] UtcTime utc_now() const override { return {micros_.load()}; }
  [[nodiscard]] std::chrono::steady_clock::time_point steady_now() const override {
    return std::chrono::steady_clock::time_point(std::chrono::microseconds(micros_.load()));
  }
  void advance(Millis wait) { micros_.fetch_add(wait.count() * 1000); }

 private:
  std::atomic<std::int64_t> micros_;
};

}  // namespace hillstar::testing
