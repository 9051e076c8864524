// SPDX-License-Identifier: Apache-2.0
// What an engine commits, counted as it happens: nothing is read again for it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "actors/engine.hpp"
#include "apps/http/traffic.hpp"
#include "runtime/platform/clock.hpp"

namespace hillstar::http {

/// Thread-safe.
class EngineCounters {
 public:
  struct Numbers {
    std::map<std::string, std::uint64_t> live;   ///< Runs without an end, by status.
    std::map<std::string, std::uint64_t> ended;  ///< Since this began, by how they ended.
    std::uint64_t started = 0;
    std::uint64_t commits = 0;
    std::uint64_t events = 0;
    Traffic::Count latency;  ///< From a fact to its durability; `answers` counts commits.
  };

  explicit EngineCounters(std::shared_ptr<const Clock> clock) : clock_(std::move(clock)) {}

  /// Rows of runs that were there before.
  void begin_with(const run::Summary& row);
  /// On the log's thread.
  void committed(const RunId& run, const std::vector<Recorded>& events);
  [[nodiscard]] Numbers numbers() const;

 private:
  void observe(const RunId& run, const Event& event);

  std::shared_ptr<const Clock> clock_;
  mutable std::mutex mutex_;
  std::map<RunId, std::string> live_;
  Numbers numbers_;  ///< Without `live`.
};

/// Feeds counters from an engine while it lives, which must be longer.
class EngineWatch {
 public:
  /// Counts the runs that are there already, too.
  static Result<std::unique_ptr<EngineWatch>> begin(Engine& engine, std::shared_ptr<EngineCounters> counters);
  ~EngineWatch();
  EngineWatch(const EngineWatch&) = delete;
  EngineWatch& operator=(const EngineWatch&) = delete;

 private:
  EngineWatch(Engine& engine, std::uint64_t ticket) : engine_(engine), ticket_(ticket) {}
  Engine& engine_;
  std::uint64_t ticket_;
};

}  // namespace hillstar::http
