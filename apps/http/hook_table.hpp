// SPDX-License-Identifier: Apache-2.0
// The streams that take webhooks, by name, so that a delivery asks no stream for what it is: senders come by the
// thousand, and streams change once a day.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "actors/engine.hpp"
#include "messages/entry_point.hpp"

namespace hillstar::http {

class HookTable {
 public:
  /// `engine` must outlive the table.
  explicit HookTable(Engine& engine);
  ~HookTable();
  HookTable(const HookTable&) = delete;
  HookTable& operator=(const HookTable&) = delete;

  /// The entry point of a stream that takes webhooks; null: there is no such stream. Thread-safe.
  std::shared_ptr<const EntryPoint> find(const std::string& stream);

 private:
  using Hooks = std::map<std::string, std::shared_ptr<const EntryPoint>>;

  Engine& engine_;
  std::shared_ptr<std::atomic<bool>> stale_ = std::make_shared<std::atomic<bool>>(true);
  std::optional<std::uint64_t> ticket_;  ///< Of the watch; without one the table is made anew each time.
  std::mutex mutex_;
  std::shared_ptr<const Hooks> hooks_;
};

}  // namespace hillstar::http
