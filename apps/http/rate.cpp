// SPDX-License-Identifier: Apache-2.0
#include "apps/http/rate.hpp"

#include <algorithm>
#include <cmath>

namespace hillstar::http {
namespace {

/// Looking for clients to forget costs a walk over all: not for every request.
constexpr std::chrono::seconds kSweepEvery{1};

}  // namespace

RateLimiter::RateLimiter(double per_second, double burst, std::size_t clients_max)
    : per_second_(std::max(per_second, 0.0)), burst_(std::max(burst, 1.0)), clients_max_(clients_max) {}

double RateLimiter::left_of(const Bucket& bucket, Time now) const {
  const std::chrono::duration<double> passed = std::max(now - bucket.at, Time::duration::zero());
  return std::min(burst_, bucket.left + passed.count() * per_second_);
}

void RateLimiter::forget_full(Time now) {
  if (swept_ && now - *swept_ < kSweepEvery) return;
  swept_ = now;
  // Whoever has all of the burst left is as good as new.
  std::erase_if(buckets_, [&](const auto& entry) { return left_of(entry.second, now) >= burst_; });
}

std::optional<std::chrono::milliseconds> RateLimiter::wait(const std::string& client, Time now) {
  if (per_second_ == 0) return std::nullopt;
  auto found = buckets_.find(client);
  if (found == buckets_.end()) {
    if (buckets_.size() >= clients_max_) forget_full(now);
    if (buckets_.size() >= clients_max_) return kSweepEvery;
    found = buckets_.emplace(client, Bucket{burst_, now}).first;
  }
  auto& bucket = found->second;
  bucket.left = left_of(bucket, now);
  bucket.at = std::max(bucket.at, now);
  if (bucket.left < 1) {
    const auto missing = std::ceil((1 - bucket.left) / per_second_ * 1000);
    return std::chrono::milliseconds(static_cast<std::int64_t>(std::clamp(missing, 1.0, 3'600'000.0)));
  }
  bucket.left -= 1;
  return std::nullopt;
}

}  // namespace hillstar::http
