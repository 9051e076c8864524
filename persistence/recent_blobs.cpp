// SPDX-License-Identifier: Apache-2.0
#include "persistence/recent_blobs.hpp"

#include <cstring>
#include <utility>

namespace hillstar::persistence {

std::size_t RecentBlobs::HashOfHash::operator()(const Hash& hash) const {
  std::size_t value = 0;
  std::memcpy(&value, hash.data(), sizeof value);
  return value;
}

/// What is older than one time to rest, and not than two, is in `old_`.
void RecentBlobs::turn(Time now) {
  if (now - since_ < kBlobRestMin) return;
  const bool both = now - since_ >= 2 * kBlobRestMin;
  old_ = both ? Some() : std::exchange(young_, {});
  young_ = {};
  since_ = now;
}

void RecentBlobs::add(const Hash& hash, Time now) {
  const std::lock_guard lock(mutex_);
  turn(now);
  if (young_.hashes.size() < blobs_max_)
    young_.hashes.insert(hash);
  else if (!young_.hashes.contains(hash))
    young_.all = true;
}

std::optional<std::unique_lock<std::mutex>> RecentBlobs::hold(const Hash& hash, Time now) {
  std::unique_lock lock(mutex_);
  turn(now);
  for (const auto* some : {&young_, &old_})
    if (some->all || some->hashes.contains(hash)) return std::nullopt;
  return lock;
}

}  // namespace hillstar::persistence
