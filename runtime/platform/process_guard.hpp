// SPDX-License-Identifier: Apache-2.0
// A small helper process that outlives us for a moment: when this process dies, however it dies, it kills the
// process groups that are still at work for us.
//
// The kernel's own parent-death signal reaches only the direct child; what a script started in turn would live on
// and go on changing files while a recovered run repeats the attempt.
#pragma once

#include <sys/types.h>

#include <memory>
#include <mutex>
#include <set>

#include "runtime/platform/descriptor.hpp"

namespace hillstar {

/// Groups that one guard can hold.
inline constexpr std::size_t kGuardedGroupsMax = 4096;

/// What travels to the guard.
struct GuardMessage {
  pid_t group = 0;
  int is_over = 0;  ///< 1: the group has ended, forget it.
};

/// Thread-safe. Starts the guard at first use, and again if somebody killed it.
class ProcessGuard {
 public:
  ProcessGuard() = default;
  /// Ends the guard and waits for it.
  ~ProcessGuard();
  ProcessGuard(const ProcessGuard&) = delete;
  ProcessGuard& operator=(const ProcessGuard&) = delete;

  /// The socket on which a starting child announces its own group before it becomes the script, so that there is no
  /// moment without guard. Shared: it stays open while a child starts. Null if no guard can be started or it is full;
  /// the parent-death signal is then all the protection there is.
  std::shared_ptr<const Descriptor> channel();
  /// The child of channel() runs; a restarted guard hears of it again.
  void remember(pid_t group);
  /// Call before the group's leader is reaped: until then its number cannot belong to another.
  void forget(pid_t group);

 private:
  void start();
  void stop();

  std::mutex mutex_;
  std::shared_ptr<const Descriptor> channel_;
  pid_t guard_ = -1;
  std::set<pid_t> groups_;
};

}  // namespace hillstar
