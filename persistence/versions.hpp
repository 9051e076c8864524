// SPDX-License-Identifier: Apache-2.0
// The ends of the histories that were written to last, so that a commit needs no read. Internal to persistence.
#pragma once

#include <cstdint>
#include <cstring>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

#include "messages/ids.hpp"
#include "persistence/event_codec.hpp"
#include "persistence/limits.hpp"

namespace hillstar::persistence {

/// The end of one history.
struct Tip {
  std::uint64_t version = 0;
  Hash hash{};              ///< Of the last record; zero bytes for a run without records.
  std::string status = {};  ///< Of its row: what the index has it under.
  bool ended = false;       ///< Nothing is expected to be written to it any more.
};

/// The last characters of a run's id are the random ones.
struct RunHash {
  std::size_t operator()(const RunId& run) const noexcept {
    std::uint64_t last = 0;
    const auto& id = run.str();
    if (id.size() < sizeof last) return 0;
    std::memcpy(&last, id.data() + id.size() - sizeof last, sizeof last);
    return static_cast<std::size_t>(last * 0x9E3779B97F4A7C15ULL);
  }
};

/// Least recently used goes first. Not thread-safe.
class Versions {
 public:
  explicit Versions(std::size_t runs_max = kVersionsMax) : runs_max_(runs_max) {}

  std::optional<Tip> find(const RunId& run) {
    const auto found = by_run_.find(run);
    if (found == by_run_.end()) return std::nullopt;
    used_.splice(used_.begin(), used_, found->second);
    return found->second->tip;
  }
  void put(const RunId& run, const Tip& tip) {
    if (const auto found = by_run_.find(run); found != by_run_.end()) {
      found->second->tip = tip;
      used_.splice(used_.begin(), used_, found->second);
      return;
    }
    if (by_run_.size() >= runs_max_) {
      by_run_.erase(used_.back().run);
      used_.pop_back();
    }
    used_.push_front({run, tip});
    by_run_.emplace(run, used_.begin());
  }
  void forget(const RunId& run) {
    const auto found = by_run_.find(run);
    if (found == by_run_.end()) return;
    used_.erase(found->second);
    by_run_.erase(found);
  }
  [[nodiscard]] std::size_t size() const { return by_run_.size(); }

 private:
  struct Entry {
    RunId run;
    Tip tip;
  };
  std::size_t runs_max_;
  std::list<Entry> used_;  ///< Most recently used first.
  std::unordered_map<RunId, std::list<Entry>::iterator, RunHash> by_run_;
};

}  // namespace hillstar::persistence
