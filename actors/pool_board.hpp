// SPDX-License-Identifier: Apache-2.0
// How things stand with the backends of an engine, for those who look on: pools write it, anybody reads it.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "actors/engine.hpp"

namespace hillstar::actors {

/// Thread-safe.
class PoolBoard {
 public:
  void set(const PoolStatus& status) {
    const std::lock_guard lock(mutex_);
    rows_[status.backend] = status;
  }
  [[nodiscard]] std::vector<PoolStatus> rows() const {
    const std::lock_guard lock(mutex_);
    std::vector<PoolStatus> rows;
    rows.reserve(rows_.size());
    for (const auto& [backend, status] : rows_) rows.push_back(status);
    return rows;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, PoolStatus> rows_;  ///< At most one for each pool.
};

}  // namespace hillstar::actors
