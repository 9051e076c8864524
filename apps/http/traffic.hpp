// SPDX-License-Identifier: Apache-2.0
// What a server does, in numbers that any thread may read.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace hillstar::http {

/// Thread-safe.
class Traffic {
 public:
  /// Upper ends in milliseconds of the ranges in which answers are counted; slower ones are beyond the last.
  static constexpr std::array<std::uint32_t, 8> kMillis{1, 5, 25, 100, 500, 2'500, 10'000, 60'000};

  struct Count {
    std::uint64_t answers = 0;
    std::array<std::uint64_t, kMillis.size() + 1> within{};
    std::uint64_t micros = 0;
  };
  /// Route and status. Routes are those of the server, so that there are few.
  using Counts = std::map<std::pair<std::string, unsigned>, Count>;

  /// `route` is empty for requests that no route answered.
  void answered(const std::string& route, unsigned status, std::uint64_t micros);
  [[nodiscard]] Counts counts() const;

  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> streams{0};
  std::atomic<std::size_t> waiting{0};  ///< Requests that wait for a thread, or have one.
  std::atomic<std::uint64_t> connections_refused{0};
  std::atomic<std::uint64_t> streams_cut{0};
  std::atomic<bool> queue_full{false};  ///< The last request that came found no room.
  std::atomic<bool> draining{false};

 private:
  mutable std::mutex mutex_;
  Counts counts_;
};

}  // namespace hillstar::http
