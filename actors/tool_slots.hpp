// SPDX-License-Identifier: Apache-2.0
// Which blocking jobs run on this machine now, and which wait: first come, first served, two bounds (scripts, files).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "actors/handles.hpp"

namespace hillstar::actors {

/// Jobs that wait for a slot; more are refused with FailureClass::overloaded.
inline constexpr std::size_t kJobQueueMax = 1'000'000;

struct ToolSlotsParts {
  unsigned script_slots = 1;  ///< File jobs have twice as many of their own.
  bool own_threads = true;
  Reply<bool> alive;
  std::size_t queue_max = kJobQueueMax;
};

class ToolSlotsState {
 public:
  explicit ToolSlotsState(ToolSlots::pointer actor) : self_(actor) {}
  ~ToolSlotsState();

  void open(ToolSlotsParts parts);
  void on_run(RunJob& message);
  void on_withdraw(const WithdrawJob& message);
  void on_queue_over(const JobQueueOver& message);
  void on_freed(SlotFreed& message);

  const char* name = "tool_slots";

 private:
  /// One of the two bounds. The map is a queue: tickets only grow.
  struct Lane {
    std::size_t limit = 1;
    std::size_t running = 0;
    std::map<std::uint64_t, JobPtr> waiting;
  };
  Lane& lane_of(const Job& job);
  void dispatch(const JobPtr& job, Lane& lane);
  JobPtr take(const JobPtr& job);

  ToolSlots::pointer self_;
  ToolSlotsParts parts_;
  std::array<Lane, 2> lanes_;
  std::vector<JobWorker> idle_;
  std::vector<JobWorker> workers_;  ///< All; threads start at need and stay.
  std::uint64_t tickets_ = 0;
};

ToolSlots::behavior_type tool_slots(ToolSlots::stateful_pointer<ToolSlotsState> self, ToolSlotsParts parts);

}  // namespace hillstar::actors
