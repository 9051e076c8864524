// SPDX-License-Identifier: Apache-2.0
// Which run actors live: starts, recovers, lists and stops them; restarts one that died from its history.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "actors/known_plans.hpp"
#include "actors/services.hpp"

namespace hillstar::actors {

/// Unexpected deaths of one run's actor before the run is parked.
inline constexpr std::uint32_t kRestartsMax = 5;
/// Wait before the first restart; doubles with each.
inline constexpr Millis kRestartWait{100};
/// Longest sleep without a look at the clock, which may have been set.
inline constexpr Millis kWakeLook{60'000};
/// How often the clock is compared with the steady one, and what counts as having been set.
inline constexpr Millis kClockLook{10'000};
inline constexpr Millis kClockMoved{1'000};

struct SupervisorParts {
  ServicesPtr services;
  std::vector<std::string> environment;  ///< Of recovered runs.
  std::vector<run::Summary> recover;     ///< Runs that are not terminal, at start.
  std::size_t warm_max = 0;              ///< As EngineOptions::warm_runs_max.
  Lifeline alive;
};

class SupervisorState {
 public:
  explicit SupervisorState(Supervisor::pointer actor) : self_(actor) {}
  ~SupervisorState();

  void open(SupervisorParts parts);
  void on_start(StartRequest& message);
  void on_restart(const RestartRun& message);
  void on_tell(TellRun& message);
  void on_set_environment(SetEnvironment& message);
  void on_list(const ListLive& message);
  void on_sleep_asked(const SleepAsked& message);
  void on_wake_due();
  void on_clock_look();
  void on_stop(StopAll& message);
  void on_down(const caf::down_msg& message);

  const char* name = "supervisor";

 private:
  struct Live {
    RunActor actor;  ///< Null between a death and the restart, and while it sleeps.
    std::uint32_t deaths = 0;
    bool asleep = false;
    bool warm = false;       ///< It would sleep, but its turn may come soon.
    std::uint64_t told = 0;  ///< Messages that were sent to the actor.
    KnownPlans::Environment environment;
    KeptParts kept;  ///< While it sleeps.
  };
  RunActor spawn_run(const RunId& run, const Live& live, const KnownPlans::RulesPtr& rules);
  /// It has been told something, or is gone: what it waited for is over.
  void cool(Live& live);
  void put_to_sleep(const RunId& run, Live& live, std::optional<UtcTime> due);
  void wake(const RunId& run, Live& live, std::optional<TellRun> told);
  void arm_wake();
  [[nodiscard]] Millis clock_ahead() const;
  /// Takes a run up from its history; false if there is no such run, or it has ended.
  bool take_up(const RunId& run, const std::vector<std::string>& environment, std::optional<TellRun> told);
  void died(const RunId& run, Live& live);
  void answer_stop_if_done();

  Supervisor::pointer self_;
  SupervisorParts parts_;
  std::unordered_map<RunId, Live> live_;
  std::unordered_map<std::uint64_t, RunId> by_actor_;
  std::set<std::pair<UtcTime, RunId>> dues_;  ///< When sleeping runs are to be woken.
  std::optional<UtcTime> wake_armed_;
  Millis clock_ahead_{0};  ///< Of the steady clock; changes when the clock is set, or the machine sleeps.
  KnownPlans known_;
  Reply<bool> stop_;
  std::size_t warm_ = 0;  ///< Runs that are.
  bool stopping_ = false;
};

Supervisor::behavior_type supervisor(Supervisor::stateful_pointer<SupervisorState> self, SupervisorParts parts);

}  // namespace hillstar::actors
