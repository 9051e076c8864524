// SPDX-License-Identifier: Apache-2.0
#include "actors/known_plans.hpp"

#include <algorithm>
#include <utility>

#include "actors/run_context.hpp"
#include "runtime/policy/credential_check.hpp"
#include "runtime/policy/model_choice.hpp"
#include "runtime/tools/policy_files.hpp"

namespace hillstar::actors {
namespace {

/// Whether all these blobs are there; an empty name is of none.
bool has_all(const persistence::EventStore& store, std::initializer_list<const std::string*> names) {
  return std::all_of(names.begin(), names.end(),
                     [&](const std::string* name) { return name->empty() || store.has_blob(*name); });
}

/// What a run is given is recorded as it is: it must not hold what must not be recorded.
Result<void> check_secrets(const StartRun& request, const std::vector<policy::KnownSecret>& secrets) {
  const auto refuse = [](const policy::KnownSecret* secret, const std::string& what) -> Result<void> {
    if (secret == nullptr) return {};
    return Error{Errc::permission_denied,
                 what + " the value of the environment variable " + secret->variable + ", and it would be recorded.",
                 {},
                 "Let the script read the variable itself; in a workflow, name the variable."};
  };
  HILLSTAR_CHECK(refuse(policy::find_secret(request.inputs.text(), secrets), "The inputs hold"));
  for (const auto& child : request.plan->children)
    HILLSTAR_CHECK(refuse(policy::find_secret(child.text, secrets), child.file + " holds"));
  return refuse(policy::find_secret(request.workflow_text, secrets), "The workflow file holds");
}

/// The same for what only looks like one.
template <class Given>
Result<void> check_credentials(const Given& given, const policy::Redactor& redactor, const std::string& what) {
  const auto found = policy::first_credential(redactor, given);
  if (!found) return {};
  return Error{Errc::credential_found,
               what + " something that looks like a credential (rule " + found->rule + "), and it would be recorded.",
               found->pointer,
               "Name an environment variable instead, and let the script read it. If it is none, switch the rule off: "
               "HILLSTAR_REDACT_OFF=" +
                   found->rule + "."};
}

bool is_air_gapped(const StartRun& request, const std::shared_ptr<const policy::Rules>& rules) {
  return request.air_gapped || (rules && rules->air_gap.always) || policy::is_local_only(request.plan->model_config);
}

}  // namespace

Result<KnownPlans::Kept> KnownPlans::keep(const StartRun& request) {
  HILLSTAR_CHECK(policy::check_rule_choice(request.environment));
  HILLSTAR_TRY(auto rules, tools::load_rules(request.workspace, request.environment));
  const auto& surroundings = secrets_.of(request.environment, rules.get());
  HILLSTAR_CHECK(check_secrets(request, surroundings.secrets));
  HILLSTAR_CHECK(check_credentials(request.inputs, surroundings.redactor, "The inputs hold"));
  const auto view = state_view(request);
  if (const auto known = find(request); known == plans_.end() || known->fits != view)
    HILLSTAR_CHECK(workflow::check_state(*request.plan, view));
  HILLSTAR_TRY(auto* plan, keep_texts(request, rules));
  plan->fits = view;
  const bool air_gapped = is_air_gapped(request, rules);
  return Kept{plan, std::move(rules), air_gapped};
}

const policy::Redactor& KnownPlans::redactor(const std::vector<std::string>& environment, const RulesPtr& rules) {
  return secrets_.of(environment, rules.get()).redactor;
}

KnownPlans::Environment KnownPlans::share(const std::vector<std::string>& environment) {
  if (!shared_environment_ || *shared_environment_ != environment)
    shared_environment_ = std::make_shared<const std::vector<std::string>>(environment);
  return shared_environment_;
}

std::list<KnownPlan>::iterator KnownPlans::find(const StartRun& request) {
  return std::find_if(plans_.begin(), plans_.end(), [&](const KnownPlan& entry) {
    return entry.address == request.plan.get() && !entry.plan.expired();
  });
}

Result<KnownPlan*> KnownPlans::keep_texts(const StartRun& request, const RulesPtr& rules) {
  auto known = find(request);
  const auto& surroundings = secrets_.of(request.environment, rules.get());
  // Before anything of it is stored.
  if (known == plans_.end() || known->workflow_text != request.workflow_text ||
      known->checked_environment != surroundings.number) {
    HILLSTAR_CHECK(check_credentials(request.workflow_text, surroundings.redactor, "The workflow file holds"));
    for (const auto& child : request.plan->children)
      HILLSTAR_CHECK(check_credentials(child.text, surroundings.redactor, child.file + " holds"));
  }
  auto& store = *services_->store;
  // gc may have removed what no run named any more.
  if (known != plans_.end() &&
      !has_all(store, {&known->plan_sha256, &known->workflow_sha256, &known->routes_sha256, &known->rules_sha256})) {
    plans_.erase(known);
    known = plans_.end();
  }
  if (known == plans_.end()) {
    HILLSTAR_TRY(auto plan_sha256, store.put_blob(workflow::to_text(*request.plan)));
    HILLSTAR_TRY(auto workflow_sha256, store.put_blob(request.workflow_text));
    if (plans_.size() >= kPlansKnownMax) plans_.pop_back();
    KnownPlan plan;
    plan.plan = request.plan;
    plan.address = request.plan.get();
    plan.plan_sha256 = std::move(plan_sha256);
    plan.workflow_text = request.workflow_text;
    plan.workflow_sha256 = std::move(workflow_sha256);
    plan.index = run::index_of(*request.plan);
    plans_.push_front(std::move(plan));
    known = plans_.begin();
  } else if (known->workflow_text != request.workflow_text) {
    HILLSTAR_TRY(known->workflow_sha256, store.put_blob(request.workflow_text));
    known->workflow_text = request.workflow_text;
  }
  known->checked_environment = surroundings.number;
  HILLSTAR_CHECK(keep_routes(request, rules, *known));
  HILLSTAR_CHECK(keep_guard(request, rules, *known));
  return Result<KnownPlan*>(&*known);
}

Result<void> KnownPlans::keep_routes(const StartRun& request, const RulesPtr& rules, KnownPlan& known_plan) {
  const auto number = secrets_.of(request.environment, rules.get()).number;
  std::optional<policy::Reach> reach;
  if (is_air_gapped(request, rules)) reach = policy::reach_of(rules.get());
  if (known_plan.routes_environment == number && known_plan.reach == reach) return {};
  const auto& services = *services_;
  const auto& registry = services.registry ? *services.registry : policy::shipped_registry();
  auto routes =
      policy::routes_of(*request.plan, registry, policy::look_up_in(request.environment), reach ? &*reach : nullptr);
  if (reach) {
    const auto all = policy::routes_of(*request.plan, registry, policy::look_up_in(request.environment));
    HILLSTAR_CHECK(policy::check_routes(*request.plan, all, routes));
  }
  known_plan.reach = reach;
  known_plan.guard_environment = 0;
  known_plan.routes.reset();
  known_plan.routes_sha256.clear();
  if (!routes.empty()) {
    HILLSTAR_TRY(known_plan.routes_sha256, services.store->put_blob(policy::to_text(routes)));
    known_plan.routes = std::make_shared<const policy::Routes>(std::move(routes));
  }
  known_plan.routes_environment = number;
  return {};
}

Result<void> KnownPlans::keep_guard(const StartRun& request, const RulesPtr& rules, KnownPlan& known_plan) {
  const bool same_rules = rules && known_plan.rules ? *rules == *known_plan.rules : rules == known_plan.rules;
  if (!same_rules || (rules && known_plan.rules_sha256.empty())) {
    known_plan.rules = rules;
    known_plan.rules_sha256.clear();
    known_plan.guard_environment = 0;
    if (rules) {
      HILLSTAR_TRY(known_plan.rules_sha256, services_->store->put_blob(policy::to_text(*rules)));
    }
  }
  // A guard that could not be made leaves none behind that passes for it.
  if (known_plan.guard_environment != known_plan.routes_environment ||
      known_plan.guard_workspace != request.workspace) {
    known_plan.guard_environment = 0;
    HILLSTAR_TRY(known_plan.guard, guard_of(*request.plan, known_plan.routes.get(), rules.get(), request.workspace));
    known_plan.guard_environment = known_plan.routes_environment;
    known_plan.guard_workspace = request.workspace;
  }
  return policy::check_leaks(*request.plan, known_plan.guard.get());
}

}  // namespace hillstar::actors
