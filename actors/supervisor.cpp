// SPDX-License-Identifier: Apache-2.0
#include "actors/supervisor.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <utility>

#include "actors/run_actor.hpp"
#include "actors/run_context.hpp"
#include "runtime/policy/air_gap.hpp"
#include "runtime/policy/credential_check.hpp"
#include "runtime/policy/data_guard.hpp"
#include "runtime/policy/model_choice.hpp"
#include "runtime/run/run.hpp"
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

SupervisorState::~SupervisorState() {
  for (const auto& [run, live] : live_) caf::anon_send_exit(live.actor, caf::exit_reason::kill);
}

void SupervisorState::open(SupervisorParts parts) {
  parts_ = std::move(parts);
  clock_ahead_ = clock_ahead();
  caf::delayed_anon_send(Supervisor(self_), kClockLook, ClockLook{});
  for (const auto& row : parts_.recover) {
    auto& live = live_[row.run];
    live.environment = share(parts_.environment);
    if (stream::phase_of(row) != stream::Phase::moving) {
      put_to_sleep(row.run, live, row.due);
      continue;
    }
    wake(row.run, live, std::nullopt);
  }
  parts_.recover.clear();
}

SupervisorState::Environment SupervisorState::share(const std::vector<std::string>& environment) {
  if (!shared_environment_ || *shared_environment_ != environment)
    shared_environment_ = std::make_shared<const std::vector<std::string>>(environment);
  return shared_environment_;
}

RunActor SupervisorState::spawn_run(const RunId& run, const Live& live, const RulesPtr& rules) {
  auto redactor = known(*live.environment, rules).redactor;
  auto actor = self_->spawn<caf::monitored>(run_actor, parts_.services,
                                            RunBirth{run, *live.environment, std::move(redactor), rules, live.kept},
                                            Supervisor(self_));
  by_actor_.emplace(actor->id(), run);
  return actor;
}

const SupervisorState::KnownEnvironment& SupervisorState::known(const std::vector<std::string>& environment,
                                                                const RulesPtr& rules) {
  static const std::vector<std::string> kNothing;
  const auto& redact = rules ? rules->redact : kNothing;
  if (environment_.variables != environment || environment_.redact != redact) {
    auto secrets = policy::secrets_of(environment);
    std::vector<std::string> values;
    for (const auto& secret : secrets) values.push_back(secret.value);
    auto choice = policy::rule_choice(environment, rules.get());
    if (!rules_ || rules_choice_ != choice) {
      rules_ = std::make_shared<const policy::SecretRules>(choice);
      rules_choice_ = std::move(choice);
    }
    environment_ = {environment_.number + 1, redact, environment, std::move(secrets), policy::Redactor(values, rules_)};
  }
  return environment_;
}

Result<const SupervisorState::KnownPlan*> SupervisorState::keep_texts(const StartRun& request, const RulesPtr& rules) {
  auto known = std::find_if(plans_.begin(), plans_.end(), [&](const KnownPlan& entry) {
    return entry.address == request.plan.get() && !entry.plan.expired();
  });
  const auto& surroundings = this->known(request.environment, rules);
  // Before anything of it is stored.
  if (known == plans_.end() || known->workflow_text != request.workflow_text ||
      known->checked_environment != surroundings.number) {
    HILLSTAR_CHECK(check_credentials(request.workflow_text, surroundings.redactor, "The workflow file holds"));
    for (const auto& child : request.plan->children)
      HILLSTAR_CHECK(check_credentials(child.text, surroundings.redactor, child.file + " holds"));
  }
  auto& store = *parts_.services->store;
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
    plans_.push_front({request.plan,
                       request.plan.get(),
                       std::move(plan_sha256),
                       request.workflow_text,
                       std::move(workflow_sha256),
                       run::index_of(*request.plan),
                       nullptr,
                       {},
                       0,
                       0,
                       {},
                       nullptr,
                       {},
                       {},
                       0,
                       nullptr});
    known = plans_.begin();
  } else if (known->workflow_text != request.workflow_text) {
    HILLSTAR_TRY(known->workflow_sha256, store.put_blob(request.workflow_text));
    known->workflow_text = request.workflow_text;
  }
  known->checked_environment = surroundings.number;
  HILLSTAR_CHECK(keep_routes(request, rules, *known));
  HILLSTAR_CHECK(keep_guard(request, rules, *known));
  return Result<const KnownPlan*>(&*known);
}

Result<void> SupervisorState::keep_routes(const StartRun& request, const RulesPtr& rules, KnownPlan& known_plan) {
  const auto number = known(request.environment, rules).number;
  std::optional<policy::Reach> reach;
  if (is_air_gapped(request, rules)) reach = policy::reach_of(rules.get());
  if (known_plan.routes_environment == number && known_plan.reach == reach) return {};
  const auto& services = *parts_.services;
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

Result<void> SupervisorState::keep_guard(const StartRun& request, const RulesPtr& rules, KnownPlan& known_plan) {
  const bool same_rules = rules && known_plan.rules ? *rules == *known_plan.rules : rules == known_plan.rules;
  if (!same_rules || (rules && known_plan.rules_sha256.empty())) {
    known_plan.rules = rules;
    known_plan.rules_sha256.clear();
    known_plan.guard_environment = 0;
    if (rules) {
      HILLSTAR_TRY(known_plan.rules_sha256, parts_.services->store->put_blob(policy::to_text(*rules)));
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

void SupervisorState::on_start(StartRequest& message) {
  if (stopping_) return;
  if (const auto checked = policy::check_rule_choice(message.request->environment); !checked)
    return message.reply.answer(checked.error());
  const auto loaded = tools::load_rules(message.request->workspace, message.request->environment);
  if (!loaded) return message.reply.answer(loaded.error());
  const auto& rules = *loaded;
  const auto& surroundings = known(message.request->environment, rules);
  if (const auto checked = check_secrets(*message.request, surroundings.secrets); !checked)
    return message.reply.answer(checked.error());
  if (const auto checked = check_credentials(message.request->inputs, surroundings.redactor, "The inputs hold");
      !checked)
    return message.reply.answer(checked.error());
  if (const auto fits = state_fits(*message.request); !fits) return message.reply.answer(fits.error());
  const auto texts = keep_texts(*message.request, rules);
  if (!texts) return message.reply.answer(texts.error());
  const auto& services = *parts_.services;
  const auto run = message.request->run ? *message.request->run : services.ids->new_run(services.clock->utc_now());
  if (message.request->run && (live_.contains(run) || services.store->summary(run)))
    return message.reply.answer(Error{Errc::run_state, "A run of this id was started before.", run.str()});
  // Scripts may write there at once. If it fails, the exporter says so.
  if (const auto& folder = message.request->output_dir; !folder.empty())
    (void)prepare_output_folder(folder, message.request->plan->workflow.str(), message.request->workspace);
  auto& live = live_[run];
  live.environment = share(message.request->environment);
  live.actor = spawn_run(run, live, rules);
  const bool air_gapped = is_air_gapped(*message.request, rules);
  auto birth = std::make_shared<const Birth>(
      Birth{std::move(*message.request), (*texts)->workflow_sha256, (*texts)->plan_sha256, (*texts)->index,
            (*texts)->routes, (*texts)->routes_sha256, (*texts)->guard, (*texts)->rules_sha256, air_gapped});
  caf::anon_send(live.actor, BeginRun{std::move(birth), std::move(message.reply)});
}

void SupervisorState::on_restart(const RestartRun& message) {
  const auto entry = live_.find(message.run);
  if (stopping_ || entry == live_.end() || entry->second.actor || entry->second.asleep) return;
  wake(message.run, entry->second, std::nullopt);
}

bool SupervisorState::take_up(const RunId& run, const std::vector<std::string>& environment,
                              std::optional<TellRun> told) {
  const auto row = parts_.services->store->summary(run);
  if (stopping_ || !row || run::is_terminal(*row)) return false;
  auto& live = live_[run];
  live.environment = share(environment);
  wake(run, live, std::move(told));
  return true;
}

// -- what people say ----------------------------------------------------------------------------------

void SupervisorState::on_tell(TellRun& message) {
  const auto entry = live_.find(message.run);
  if (entry != live_.end() && entry->second.actor) {
    ++entry->second.told;
    cool(entry->second);
    return caf::anon_send(entry->second.actor, std::move(message));
  }
  if (entry != live_.end() && entry->second.asleep && !stopping_)
    return wake(entry->first, entry->second, std::move(message));
  if (entry != live_.end() || !take_up(message.run, parts_.environment, message))
    message.reply.answer(Error{Errc::run_state, "the run is not live", message.run.str()});
}

void SupervisorState::on_set_environment(SetEnvironment& message) {
  const auto entry = live_.find(message.run);
  if (entry == live_.end()) {
    // What was just taken up has it already, and may have come to its end before a message reaches it.
    if (take_up(message.run, message.environment, std::nullopt)) return message.reply.answer(true);
    return message.reply.answer(Error{Errc::run_state, "the run is not live", message.run.str()});
  }
  auto& live = entry->second;
  live.environment = share(message.environment);
  message.redactor = known(message.environment, nullptr).redactor;
  if (!live.actor) return message.reply.answer(true);
  ++live.told;
  caf::anon_send(live.actor, std::move(message));
}

void SupervisorState::on_list(const ListLive& message) {
  std::vector<RunId> runs;
  runs.reserve(live_.size());
  for (const auto& [run, live] : live_) runs.push_back(run);
  std::sort(runs.begin(), runs.end());
  message.reply.answer(std::move(runs));
}

void SupervisorState::on_stop(StopAll& message) {
  stopping_ = true;
  stop_ = std::move(message.reply);
  for (const auto& [run, live] : live_)
    if (live.actor) caf::anon_send(live.actor, StopRun{});
  answer_stop_if_done();
}

void SupervisorState::on_down(const caf::down_msg& message) {
  const auto actor = by_actor_.find(message.source.id());
  if (actor == by_actor_.end()) return;
  const auto run = std::move(actor->second);
  by_actor_.erase(actor);
  const auto entry = live_.find(run);
  if (entry == live_.end()) return;
  cool(entry->second);
  const bool ended = !message.reason || message.reason.category() == kRunExitCategory;
  if (ended || stopping_)
    live_.erase(entry);  // terminal, parked or stopped: it says which itself
  else
    died(run, entry->second);
  if (stopping_) answer_stop_if_done();
}

void SupervisorState::died(const RunId& run, Live& live) {
  live.actor = nullptr;
  if (++live.deaths > kRestartsMax) {
    const Error error{Errc::internal, "the run's actor died too often; the run is parked", "run " + run.str(),
                      "Its history is intact: resume it with a new program."};
    caf::anon_send(parts_.services->feed, RunParked{run, error});
    live_.erase(run);
    return;
  }
  caf::delayed_anon_send(Supervisor(self_), kRestartWait * (1U << (live.deaths - 1)), RestartRun{run});
}

void SupervisorState::answer_stop_if_done() {
  const auto lives = std::any_of(live_.begin(), live_.end(), [](const auto& item) { return bool(item.second.actor); });
  if (!lives) std::exchange(stop_, {}).answer(true);
}

Supervisor::behavior_type supervisor(Supervisor::stateful_pointer<SupervisorState> self, SupervisorParts parts) {
  die_quietly(self);
  self->set_down_handler([self](caf::down_msg& message) { self->state.on_down(message); });
  self->state.open(std::move(parts));
  return {[self](StartRequest& message) { self->state.on_start(message); },
          [self](const RestartRun& message) { self->state.on_restart(message); },
          [self](TellRun& message) { self->state.on_tell(message); },
          [self](SetEnvironment& message) { self->state.on_set_environment(message); },
          [self](const ListLive& message) { self->state.on_list(message); },
          [self](const SleepAsked& message) { self->state.on_sleep_asked(message); },
          [self](WakeDue) { self->state.on_wake_due(); },
          [self](ClockLook) { self->state.on_clock_look(); },
          [self](StopAll& message) { self->state.on_stop(message); }};
}

}  // namespace hillstar::actors
