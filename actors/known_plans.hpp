// SPDX-License-Identifier: Apache-2.0
// What a run needs before it has an actor: its texts in the store, the models that its nodes may ask, whom its data may
// reach, and the secrets to be masked. Remembered, so that many runs of one plan ask and hash it once.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/services.hpp"
#include "runtime/policy/air_gap.hpp"
#include "runtime/policy/data_guard.hpp"
#include "runtime/policy/environment_secrets.hpp"
#include "runtime/run/run.hpp"
#include "runtime/workflow/state_fit.hpp"

namespace hillstar::actors {

/// Plans whose texts are known to be in the store.
inline constexpr std::size_t kPlansKnownMax = 64;

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
  std::optional<workflow::StateView> fits;  ///< What was seen of shared state by the last run.
};

/// Not thread-safe: an actor's.
class KnownPlans {
 public:
  using RulesPtr = std::shared_ptr<const policy::Rules>;
  using Environment = std::shared_ptr<const std::vector<std::string>>;

  /// What a run is started with. `plan` holds until the next keep().
  struct Kept {
    const KnownPlan* plan = nullptr;
    RulesPtr rules;  ///< Null: nobody gave any.
    bool air_gapped = false;
  };

  void hold(ServicesPtr services) { services_ = std::move(services); }

  /// Looks the request through, and puts into the store what its history will name. Errors: permission_denied,
  /// credential_found, data_refused, workflow_invalid, air_gapped, those of the rules' files and of the store.
  Result<Kept> keep(const StartRun& request);
  /// Of the secrets of this environment.
  const policy::Redactor& redactor(const std::vector<std::string>& environment, const RulesPtr& rules);
  /// One copy for all runs that have it.
  Environment share(const std::vector<std::string>& environment);

 private:
  /// plans_.end(): it is not known.
  std::list<KnownPlan>::iterator find(const StartRun& request);
  Result<KnownPlan*> keep_texts(const StartRun& request, const RulesPtr& rules);
  Result<void> keep_routes(const StartRun& request, const RulesPtr& rules, KnownPlan& known_plan);
  Result<void> keep_guard(const StartRun& request, const RulesPtr& rules, KnownPlan& known_plan);

  ServicesPtr services_;
  std::list<KnownPlan> plans_;
  Environment shared_environment_;  ///< The last one that was shared.
  policy::EnvironmentSecrets secrets_;
};

}  // namespace hillstar::actors
