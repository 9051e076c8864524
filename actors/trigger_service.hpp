// SPDX-License-Identifier: Apache-2.0
// What makes runs of an engine's streams start by themselves: timers, folders and events. Webhooks and people come
// through the API.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "actors/engine.hpp"

namespace hillstar {

class TriggerService {
 public:
  /// Watches for the streams that `engine` has now, and for those that are declared later. The engine must outlive the
  /// service; stop the service first, so that nothing is triggered while the engine drains.
  /// @param clock  null: the machine's
  /// @param log    one line for the operator; on any thread; may be empty
  static Result<std::unique_ptr<TriggerService>> start(Engine& engine, std::shared_ptr<const Clock> clock,
                                                       std::function<void(const std::string&)> log);
  virtual ~TriggerService() = default;

  /// The clock was set by more than it runs. Otherwise that is noticed within ten seconds.
  virtual void look_again() = 0;
};

}  // namespace hillstar
