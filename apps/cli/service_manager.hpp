// SPDX-License-Identifier: Apache-2.0
// What a service tells systemd, over the socket that NOTIFY_SOCKET names.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hillstar::cli {

class ServiceManager {
 public:
  /// From NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
  explicit ServiceManager(const std::vector<std::string>& environment);

  /// `READY=1` and the like; false if nobody could be told. Nobody listens: nothing happens.
  bool tell(std::string_view state) const;
  /// How often the manager wants to hear that all is well; nothing: never.
  [[nodiscard]] std::optional<std::chrono::microseconds> watchdog() const { return watchdog_; }

 private:
  std::string socket_;
  std::optional<std::chrono::microseconds> watchdog_;
};

/// `environment` without what is meant for this process alone.
std::vector<std::string> without_service_variables(std::vector<std::string> environment);

}  // namespace hillstar::cli
