// SPDX-License-Identifier: Apache-2.0
// How often each client may ask: a token bucket for each of them. Pure; time comes from outside.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>

namespace hillstar::http {

/// Clients that are remembered at once.
inline constexpr std::size_t kRateClientsMax = 16'384;

/// Not thread-safe.
class RateLimiter {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// `per_second` requests on average, up to `burst` at once; 0 per second: no limit.
  RateLimiter(double per_second, double burst, std::size_t clients_max = kRateClientsMax);

  /// Counts a request of `client`; how long it must wait instead, if it asked too often. Those of clients that cannot
  /// be remembered, because too many others ask at the same time, must wait.
  std::optional<std::chrono::milliseconds> wait(const std::string& client, Time now);

  [[nodiscard]] std::size_t clients() const { return buckets_.size(); }

 private:
  struct Bucket {
    double left = 0;
    Time at;
  };
  [[nodiscard]] double left_of(const Bucket& bucket, Time now) const;
  void forget_full(Time now);

  double per_second_;
  double burst_;
  std::size_t clients_max_;
  std::optional<Time> swept_;
  std::unordered_map<std::string, Bucket> buckets_;
};

}  // namespace hillstar::http
