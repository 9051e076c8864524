// SPDX-License-Identifier: Apache-2.0
// Blobs that somebody put or asked for a moment ago, and may be about to name in a record: gc leaves them alone.
// Internal to persistence.
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <unordered_set>

#include "persistence/event_codec.hpp"

namespace hillstar::persistence {

/// A blob is left alone for so long at least.
inline constexpr std::chrono::minutes kBlobRestMin{15};
/// Blobs that are remembered for each such time; if there are more, none is removed until it is over.
inline constexpr std::size_t kRecentBlobsMax = 262'144;

/// Thread-safe.
class RecentBlobs {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit RecentBlobs(std::size_t blobs_max = kRecentBlobsMax) : blobs_max_(blobs_max) {}

  void add(const Hash& hash, Time now = std::chrono::steady_clock::now());
  /// Nothing if the blob is recent. Otherwise nobody adds one as long as the lock is held.
  [[nodiscard]] std::optional<std::unique_lock<std::mutex>> hold(const Hash& hash,
                                                                 Time now = std::chrono::steady_clock::now());

 private:
  struct HashOfHash {
    std::size_t operator()(const Hash& hash) const;
  };
  struct Some {
    std::unordered_set<Hash, HashOfHash> hashes;
    bool all = false;  ///< More than could be remembered.
  };
  void turn(Time now);

  const std::size_t blobs_max_;
  std::mutex mutex_;
  Time since_{};  ///< `young_` are those of after it.
  Some young_;
  Some old_;
};

}  // namespace hillstar::persistence
