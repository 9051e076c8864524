// SPDX-License-Identifier: Apache-2.0
// The listener of the process that owns a store: other terminals of the same person join through it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apps/cli/client.hpp"

namespace hillstar::cli {

class Host {
 public:
  /// Listens in `folder`, whose store this process owns (a socket that lies there is stale), and serves `service`,
  /// which must outlive the host. Errors: host_unreachable with the reason of the system.
  static Result<std::unique_ptr<Host>> open(const std::string& folder, Client& service);
  virtual ~Host() = default;

  /// Runs that joined terminals follow now or have begun and are about to follow, each once. A run that a terminal
  /// starts is among them before it exists.
  [[nodiscard]] virtual std::vector<RunId> followed() const = 0;
  /// False, and nothing happens, if there are such runs. Else takes no more calls, from the same moment on: those that
  /// it took before are answered when this returns, the next ones find no host. May be called again.
  virtual bool end_if_unused() = 0;
};

}  // namespace hillstar::cli
