// SPDX-License-Identifier: Apache-2.0
// Which run actors live: starts, recovers, lists and stops them; restarts one that died from its history.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "actors/services.hpp"
#include "runtime/policy/air_gap.hpp"
#include "runtime/policy/known_secrets.hpp"
#include "runtime/policy/redaction.hpp"

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
/// Plans whose texts are known to be in the store.
inline constexpr std::size_t kPlansKnownMax = 64;

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
  using Environment = std::shared_ptr<const std::vector<std::string>>;
  struct Live {
    RunActor actor;  ///< Null between a death and the restart, and while it sleeps.
    std::uint32_t deaths = 0;
    bool asleep = false;
    bool warm = false;       ///< It would sleep, but its turn may come soon.
    std::uint64_t told = 0;  ///< Messages that were sent to the actor.
    Environment environment;
    KeptParts kept;  ///< While it sleeps.
  };
  /// What the store is known to have, so that many runs of one plan hash it once.
  struct KnownPlan {
    std::weak_ptr<const workflow::Plan> plan;
    const workflow::Plan* address = nullptr;
    std::string plan_sha256;
    std::string workflow_text;
    std::string workflow_sha256;
    std::shared_ptr<const run::PlanIndex> index;
    std::shared_ptr<const policy::Routes> routes;  ///< Null: it calls no model.
    std::string routes_sha256;
    std::uint64_t routes_environment = 0;   ///< KnownEnvironment::number that the routes are of; 0: none yet.
    std::uint64_t checked_environment = 0;  ///< With whose redactor the workflow's text was looked through.
    std::optional<policy::Reach> reach;     ///< The same of those of an air-gapped run.
    std::shared_ptr<const policy::Rules> rules;
    std::string rules_sha256;
    std::string guard_workspace;  ///< With rules and routes: what the guard was made of.
    std::uint64_t guard_environment = 0;
    std::shared_ptr<const policy::DataGuard> guard;
  };
  /// Secrets of an environment. Many runs share one, so that many runs look for them with one redactor.
  struct KnownEnvironment {
    std::uint64_t number = 0;         ///< Grows with each.
    std::vector<std::string> redact;  ///< Rules that were switched on besides.
    std::vector<std::string> variables;
    std::vector<policy::KnownSecret> secrets;
    policy::Redactor redactor;
  };
  using RulesPtr = std::shared_ptr<const policy::Rules>;
  Result<const KnownPlan*> keep_texts(const StartRun& request, const RulesPtr& rules);
  Result<void> keep_routes(const StartRun& request, const RulesPtr& rules, KnownPlan& known_plan);
  Result<void> keep_guard(const StartRun& request, const RulesPtr& rules, KnownPlan& known_plan);
  const KnownEnvironment& known(const std::vector<std::string>& environment, const RulesPtr& rules);
  /// One copy for all runs that have it.
  Environment share(const std::vector<std::string>& environment);
  RunActor spawn_run(const RunId& run, const Live& live, const RulesPtr& rules);
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
  Millis clock_ahead_{0};           ///< Of the steady clock; changes when the clock is set, or the machine sleeps.
  Environment shared_environment_;  ///< The last one that was shared.
  std::list<KnownPlan> plans_;
  KnownEnvironment environment_;                      ///< The last one asked for.
  std::shared_ptr<const policy::SecretRules> rules_;  ///< As rules_choice_ says; null: not needed yet.
  policy::RuleChoice rules_choice_;
  Reply<bool> stop_;
  std::size_t warm_ = 0;  ///< Runs that are.
  bool stopping_ = false;
};

Supervisor::behavior_type supervisor(Supervisor::stateful_pointer<SupervisorState> self, SupervisorParts parts);

}  // namespace hillstar::actors
