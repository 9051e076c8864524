// SPDX-License-Identifier: Apache-2.0
// One attempt as a job of a cluster makes it: from the folder that its host left, into the same folder. What apps/ uses
// for `attempt`, which only batch scripts call.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "messages/error.hpp"
#include "messages/units.hpp"

namespace hillstar {

/// So often the attempt looks whether its host wants it to stop.
inline constexpr Millis kStopLook{1'000};

class ClusterAttempt {
 public:
  /// Errors: not_found, io, host_protocol.
  static Result<std::unique_ptr<ClusterAttempt>> open(const std::string& folder);
  virtual ~ClusterAttempt() = default;

  [[nodiscard]] virtual const std::string& workspace() const = 0;
  /// `own`: of this process, NAME=value. What the host gave wins, but for what the cluster says of this job.
  [[nodiscard]] virtual std::vector<std::string> environment(const std::vector<std::string>& own) const = 0;
  /// Blocks until the attempt has ended and its end is on disk. Makes nothing if somebody else has it. Call once.
  /// @param job  the id of this job
  virtual Result<void> make(const std::string& job, std::vector<std::string> environment) = 0;
  /// Ends the attempt soon. From any thread.
  virtual void stop() = 0;
};

}  // namespace hillstar
