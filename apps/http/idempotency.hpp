// SPDX-License-Identifier: Apache-2.0
// Requests to start a run that may be repeated: whoever sends the same Idempotency-Key again gets the same run.
//
// The key stands in the run's history (Trigger::key), so that it holds over restarts for as long as kKeyHours.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "messages/error.hpp"
#include "messages/ids.hpp"
#include "messages/units.hpp"
#include "persistence/event_store.hpp"

namespace hillstar::http {

/// Hours for which a key is known after the service was started again.
inline constexpr int kKeyHours = 24;
/// Keys that are kept; the oldest make room.
inline constexpr std::size_t kKeysMax = 100'000;
inline constexpr std::size_t kKeyBytesMax = 255;

/// Thread-safe.
class IdempotencyKeys {
 public:
  struct Claim {
    RunId run;
    bool repeated = false;
  };
  /// The run that the key stands for: `fresh` if nobody had it. Errors: usage if it came with another request before;
  /// those of the store.
  Result<Claim> claim(const persistence::EventStore& store, const std::string& key, const std::string& fingerprint,
                      const RunId& fresh, UtcTime now);
  /// The run did not come about: the key is free again.
  void release(const std::string& key, const RunId& run);

 private:
  struct Entry {
    RunId run;
    std::string fingerprint;  // empty: not known, it is from an earlier process
  };
  Result<void> load(const persistence::EventStore& store, UtcTime now);
  void put(const std::string& key, Entry entry);

  std::mutex mutex_;
  bool loaded_ = false;
  std::map<std::string, Entry> entries_;
  std::map<RunId, std::string> by_age_;  // run ids sort by time
};

}  // namespace hillstar::http
