// SPDX-License-Identifier: Apache-2.0
// Whether a service may take new work, and whether it is well. Asked by /readyz and by whatever starts runs.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "apps/http/traffic.hpp"
#include "messages/error.hpp"
#include "runtime/platform/clock.hpp"

namespace hillstar::http {

/// Free space that is left to runs under way: new ones start above it only.
inline constexpr std::uint64_t kDiskReserve = 256U << 20U;

/// Thread-safe.
class ServiceState {
 public:
  /// `folder`: of the store. `reserve`: bytes.
  ServiceState(std::string folder, std::uint64_t reserve, std::shared_ptr<Traffic> traffic,
               std::shared_ptr<const Clock> clock);

  /// Why no new run may start: draining, disk_full. The disk is looked at no more than once a second.
  std::optional<Error> refusal();
  bool accepts() { return !refusal(); }
  /// The same, and what else keeps the service from being ready: a store that cannot be written, a full queue, an
  /// engine that does not answer.
  std::vector<Error> not_ready();

  /// The engine has just answered.
  void alive();
  /// How long ago that was; since the start, if it never did.
  [[nodiscard]] std::chrono::milliseconds silent_for() const;
  /// Free bytes of the store's disk; nothing if the system does not say.
  std::optional<std::uint64_t> disk_free();

 private:
  struct Look {
    std::chrono::steady_clock::time_point at;
    std::optional<std::uint64_t> free;
    bool writable = false;
  };
  Look look();

  std::string folder_;
  std::uint64_t reserve_;
  std::shared_ptr<Traffic> traffic_;
  std::shared_ptr<const Clock> clock_;
  std::atomic<std::chrono::steady_clock::time_point> answered_;
  std::mutex mutex_;
  std::optional<Look> last_;
};

}  // namespace hillstar::http
