// SPDX-License-Identifier: Apache-2.0
#include "actors/run_actor.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <utility>

#include "actors/node_actor.hpp"
#include "actors/remote/placed_node.hpp"
#include "actors/run_context.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/talk.hpp"
#include "runtime/run/units.hpp"
#include "runtime/run/view.hpp"
#include "runtime/tools/policy_files.hpp"

namespace hillstar::actors {

void RunActorState::open(ServicesPtr services, RunBirth birth, Supervisor supervisor) {
  services_ = std::move(services);
  birth_ = std::move(birth);
  supervisor_ = std::move(supervisor);
}

RunActorState::~RunActorState() {
  // However the run ended: no node actor outlives it.
  for (const auto& [key, attempt] : attempts_) caf::anon_send_exit(attempt.node, caf::exit_reason::kill);
  for (const auto& node : idle_) caf::anon_send_exit(node, caf::exit_reason::kill);
}

std::uint64_t RunActorState::key_of(const AttemptRef& ref) {
  return (std::uint64_t{ref.node} << 32U) | (ref.item ? std::uint64_t{*ref.item} + 1 : 0);
}

AttemptRef RunActorState::ref_of(std::uint64_t key, std::uint32_t attempt) {
  AttemptRef ref{static_cast<NodeIndex>(key >> 32U), std::nullopt, attempt};
  if (const auto item = static_cast<std::uint32_t>(key); item != 0) ref.item = item - 1;
  return ref;
}

// -- from the first event or from history -------------------------------------------------------------

void RunActorState::on_begin(BeginRun& message) {
  if (message.birth)
    start(message);
  else
    recover(std::move(message.told));
}

void RunActorState::start(const BeginRun& message) {
  const StartRun& request = message.birth->request;
  started_ = message.reply;
  state_ = run::initial(request.plan, message.birth->index);
  state_.routes = message.birth->routes;
  state_.guard = message.birth->guard;
  Start what;
  what.started.workflow = request.plan->workflow;
  what.started.workflow_file = request.workflow_file;
  what.started.workflow_sha256 = message.birth->workflow_sha256;
  what.started.plan_sha256 = message.birth->plan_sha256;
  what.started.inputs = request.inputs;
  what.started.workspace = request.workspace;
  what.started.output_dir = request.output_dir;
  what.started.allow_paths = request.allow_paths;
  what.started.parent = request.parent;
  what.started.started_by = request.started_by;
  what.started.engine = services_->version;
  if (!message.birth->routes_sha256.empty()) what.started.routes_sha256 = message.birth->routes_sha256;
  what.started.priority = request.priority;
  what.started.air_gapped = message.birth->air_gapped;
  if (!message.birth->rules_sha256.empty()) what.started.rules_sha256 = message.birth->rules_sha256;
  what.started.trigger = request.trigger;
  what.started.labels = request.labels;
  what.started.correlation = request.correlation;
  what.started.deadline = request.deadline;
  what.started.budget = request.budget;
  what.started.isolation = request.isolation;
  what.started.state_stream = request.state_stream;
  what.inherited = request.inherited;
  what.cells = request.cells;
  what.ticket = request.ticket;
  reported_ = request.ticket ? stream::Phase::queued : stream::Phase::moving;
  enqueue(std::move(what));
}

void RunActorState::recover(std::optional<TellRun> told) {
  auto recovered = recover_run(*services_->store, birth_.run, birth_.kept);
  if (!recovered) return leave(RunExit::parked, recovered.error());
  // What was recorded says where data may go; what holds today says what attempts may do from now on.
  auto rules = tools::load_rules(recovered->state.started.workspace, birth_.environment);
  if (!rules) return leave(RunExit::parked, rules.error());
  birth_.rules = *std::move(rules);
  if (birth_.rules && !birth_.rules->redact.empty())
    birth_.redactor =
        policy::redactor_of(birth_.environment, policy::rule_choice(birth_.environment, birth_.rules.get()));
  state_ = std::move(recovered->state);
  chain_ = recovered->chain;
  announce();
  if (run::is_terminal(state_)) {
    gone_ = true;
    tell_above({});
    return self_->quit();
  }
  recovering_ = true;
  run::each_elsewhere(state_, [&](const AttemptRef& ref) { resumed_[key_of(ref)] = ref.attempt; });
  // Who stops a run that nobody had in hand does not want it to go on for a moment: it is stopped first. What else may
  // be said goes by what the recovery finds.
  const auto stops = [](const Input& input) {
    return std::holds_alternative<PauseAsked>(input.what) || std::holds_alternative<CancelAsked>(input.what);
  };
  if (told && stops(told->input)) {
    told->input.at = services_->clock->utc_now();
    inbox_.push_back({std::move(told->input), std::move(told->reply)});
    told.reset();
  }
  if (above_has_ended()) inbox_.push_back({cancel_by(state_.started.trigger->cause->run), {}});
  enqueue(Recovered{});
  if (told) enqueue(std::move(told->input.what), told->input.chance_ppm, std::move(told->reply));
  if (in_flight_ || gone_) return;
  act();  // nothing had to be recorded: what is owed can be done at once
  tell_stream();
  rest();
}

void RunActorState::make_context() {
  context_ = std::make_shared<const tools::RunContext>(run_context(birth_, state_.started, services_->tracing));
}

void RunActorState::announce() {
  if (state_.status == run::RunStatus::queued) return;  // its files begin with its turn: most of a queue only waits
  if (!bell_) bell_ = state_.started.output_dir.empty() ? ExportBell() : ExportBell(services_->exporter, birth_.run);
  bell_->ring();
}

// -- inputs -------------------------------------------------------------------------------------------

void RunActorState::enqueue(decltype(Input::what) what, std::uint32_t chance_ppm, Reply<std::vector<Event>> reply) {
  inbox_.push_back({Input{services_->clock->utc_now(), chance_ppm, std::move(what)}, std::move(reply)});
  pump();
}

void RunActorState::pump() {
  if (in_flight_ || inbox_.empty() || stopping_ || gone_) return;
  std::vector<Recorded> batch;
  try {
    step_inbox(batch);
  } catch (const InvariantError& bug) {
    return leave(RunExit::parked, Error{Errc::internal, bug.message});
  }
  if (!batch.empty()) append(std::move(batch));
}

void RunActorState::step_inbox(std::vector<Recorded>& batch) {
  auto inputs = std::move(inbox_);
  inbox_.clear();
  for (auto& queued : inputs) {
    if (auto refused = run::refusal_of(state_, queued.input)) {
      queued.reply.answer(*std::move(refused));
      continue;
    }
    const auto begin = batch.size();
    auto seq = state_.version;
    auto facts = run::step(state_, queued.input);
    for (auto& fact : facts) batch.push_back({++seq, queued.input.at, std::move(fact)});
    if (!queued.reply) continue;
    // Also whoever tells what was told before hears of it once that is durable.
    if (facts.empty() && batch.empty())
      queued.reply.answer(std::vector<Event>{});
    else
      waiting_.push_back({std::move(queued.reply), begin, batch.size()});
  }
}

void RunActorState::append(std::vector<Recorded> batch) {
  AppendEvents message;
  message.append.run = birth_.run;
  message.append.expected_version = batch.front().seq - 1;
  message.append.records.reserve(batch.size());
  std::size_t bytes = 0;
  for (const auto& [seq, at, event] : batch) {
    message.append.records.push_back(persistence::encode(birth_.run, seq, at, event, chain_));
    chain_ = message.append.records.back().hash;
    bytes += message.append.records.back().line.size();
  }
  message.append.summary = run::summarize(state_, birth_.run);
  in_flight_ = std::make_shared<const std::vector<Recorded>>(std::move(batch));
  const bool is_first = in_flight_->front().seq == 1;
  first_batch_ = is_first && bytes <= kKeptHistoryMax ? in_flight_ : nullptr;
  message.events = in_flight_;
  message.writer = self_;
  self_->anon_send(services_->event_log, std::move(message));
}

void RunActorState::on_appended(const Appended& message) {
  if (gone_ || !in_flight_) return;
  if (message.conflict)
    return leave(RunExit::conflict, Error{Errc::store_conflict, "another program writes this run's history"});
  announce();
  confirm_ends();
  if (!stopping_) act();
  for (auto& person : waiting_) {
    std::vector<Event> facts;
    for (auto i = person.begin; i < person.end; ++i) facts.push_back((*in_flight_)[i].event);
    person.reply.answer(std::move(facts));
  }
  waiting_.clear();
  in_flight_.reset();
  if (started_) std::exchange(started_, {}).answer(birth_.run);
  tell_stream();
  if (stopping_) return stop_if_quiet();
  pump();
  rest();
}

// -- commands -----------------------------------------------------------------------------------------

void RunActorState::act() {
  try {
    if (std::exchange(recovering_, false)) {
      for (auto& command : run::outstanding(state_)) issue(command, state_.version);
    } else {
      for (const auto& recorded : *in_flight_) {
        for (auto& command : run::commands_of(state_, recorded.event)) issue(command, recorded.seq);
        forget_list(recorded.event);
      }
    }
    arm_deadline();
  } catch (const InvariantError& bug) {
    leave(RunExit::parked, Error{Errc::internal, bug.message});
  }
}

void RunActorState::issue(Command& command, std::uint64_t seq) {
  // AskApproval: the event is in the feed. ArmDeadline: see act().
  if (auto* execute_node = std::get_if<ExecuteNode>(&command)) return execute(*execute_node, seq);
  if (const auto* cancel_node = std::get_if<CancelNode>(&command)) return cancel(*cancel_node);
  if (const auto* hold = std::get_if<HoldNode>(&command)) return pass_on(*hold);
  if (const auto* timer = std::get_if<ArmTimer>(&command)) {
    const auto wait = std::max(timer->due - services_->clock->utc_now(), Millis{0});
    caf::delayed_anon_send(RunActor(self_), wait, TimerDue{timer->ref});
  } else if (std::holds_alternative<Finish>(command)) {
    gone_ = true;
    self_->quit();
    end_parts();
    tell_above({});
    services_->on_end(birth_.run, run::summarize(state_, birth_.run));
  }
}

Result<void> RunActorState::cut_item(ExecuteNode& command) {
  auto list = lists_.find(command.ref.node);
  if (list == lists_.end()) {
    HILLSTAR_TRY(auto cut, workflow::ItemList::of(command.items, services_->read_blob));
    list = lists_.emplace(command.ref.node, std::move(cut)).first;
  }
  command.item = list->second.at(*command.ref.item);
  command.items = {};
  return {};
}

void RunActorState::execute(ExecuteNode& command, std::uint64_t seq) {
  if (command.ref.item) {
    if (const auto cut = cut_item(command); !cut) {
      Failure failure{FailureClass::io, to_string(cut.error()), {}};
      return caf::anon_send(RunActor(self_), AttemptEnded{AttemptFailed{command.ref, std::move(failure), {}, {}}});
    }
  }
  const auto resumed = resumed_.find(key_of(command.ref));
  command.resumes = resumed != resumed_.end() && resumed->second == command.ref.attempt;
  auto& attempt = attempts_[key_of(command.ref)];
  // Only after a grace time that has run out elsewhere: the old attempt's actor is not waited for any more.
  if (attempt.node) caf::anon_send_exit(attempt.node, caf::exit_reason::kill);
  if (idle_.empty()) {
    attempt.node = self_->spawn<caf::monitored>(node_actor, services_, RunActor(self_));
  } else {
    attempt.node = std::move(idle_.back());
    idle_.pop_back();
  }
  attempt.attempt = command.ref.attempt;
  if (!context_) make_context();
  // Aliasing: the node's part keeps the whole plan alive.
  std::shared_ptr<const workflow::PlanNode> node(state_.plan, &state_.plan->nodes[command.ref.node]);
  auto handed = run::runs_workflow(*node) ? frame() : nullptr;
  self_->anon_send(attempt.node,
                   Attempt{std::move(command), std::move(node), state_.plan->model_config, state_.plan->provider_config,
                           state_.plan->budget, context_, std::move(handed), seq});
}

void RunActorState::cancel(const CancelNode& command) {
  const auto entry = attempts_.find(key_of(command.ref));
  if (entry == attempts_.end() || entry->second.attempt != command.ref.attempt) {
    // Nothing of it runs here, such as after a recovery. A job of a cluster may.
    std::shared_ptr<const workflow::PlanNode> node(state_.plan, &state_.plan->nodes[command.ref.node]);
    if (node->placement && node->placement->slurm) {
      if (!context_) make_context();
      caf::anon_send(services_->workers, PlaceAttempt{unwanted_job(std::move(node), context_, command.ref)});
    }
    return caf::anon_send(RunActor(self_), AttemptEnded{AttemptCancelled{command.ref}});
  }
  caf::anon_send(entry->second.node, command);
  // A run of its own has its own grace time, and an end that is waited for.
  if (const auto* unit = run::find_unit(state_, command.ref.node, command.ref.item);
      unit != nullptr && run::waits_for_run(*state_.plan, command.ref.node, *unit))
    return;
  caf::delayed_anon_send(RunActor(self_), services_->cancel_grace, GraceOver{command.ref});
}

// -- answers ------------------------------------------------------------------------------------------

void RunActorState::on_attempt_ended(AttemptEnded& message) {
  if (gone_) return;
  const auto ref = std::visit([](const auto& outcome) { return outcome.ref; }, message.outcome);
  const auto entry = attempts_.find(key_of(ref));
  if (entry != attempts_.end() && entry->second.attempt == ref.attempt) {
    if (idle_.size() < kIdleNodesMax)
      idle_.push_back(std::move(entry->second.node));
    else
      caf::anon_send_exit(entry->second.node, caf::exit_reason::user_shutdown);
    attempts_.erase(entry);
  }
  if (stopping_) return stop_if_quiet();
  const bool failed = std::holds_alternative<AttemptFailed>(message.outcome);
  std::visit([&](auto& outcome) { enqueue(std::move(outcome), failed ? services_->ids->chance_ppm() : 0); },
             message.outcome);
}

void RunActorState::on_timer(const TimerDue& message) {
  if (!gone_ && !asked_sleep_) enqueue(RetryDue{message.ref});
}

void RunActorState::arm_deadline() {
  const auto due = run::next_deadline(state_);
  if (gone_ || !due || (armed_ && *armed_ <= *due)) return;
  armed_ = due;
  const auto wait = std::max(*due - services_->clock->utc_now(), Millis{0}) + Millis{1};
  caf::delayed_anon_send(RunActor(self_), wait, DeadlineDue{});
}

void RunActorState::on_deadline() {
  armed_.reset();
  if (gone_ || asked_sleep_) return;
  // A clock that was set back meanwhile makes this early: then it is asked for again.
  const auto due = run::next_deadline(state_);
  if (due && services_->clock->utc_now() >= *due) enqueue(DeadlineReached{});
  if (!in_flight_) arm_deadline();
}

void RunActorState::on_grace_over(const GraceOver& message) {
  const auto entry = attempts_.find(key_of(message.ref));
  if (gone_ || entry == attempts_.end() || entry->second.attempt != message.ref.attempt) return;
  caf::anon_send_exit(entry->second.node, caf::exit_reason::kill);
  attempts_.erase(entry);
  if (stopping_) return stop_if_quiet();
  enqueue(AttemptCancelled{message.ref});
}

void RunActorState::on_down(const caf::down_msg& message) {
  const auto is_it = [&](const NodeActor& node) { return node && node.address() == message.source; };
  const auto idle = std::find_if(idle_.begin(), idle_.end(), is_it);
  if (idle != idle_.end()) idle_.erase(idle);
  const auto entry =
      std::find_if(attempts_.begin(), attempts_.end(), [&](const auto& item) { return is_it(item.second.node); });
  if (gone_ || entry == attempts_.end()) return;
  const auto ref = ref_of(entry->first, entry->second.attempt);
  attempts_.erase(entry);
  if (stopping_) return stop_if_quiet();
  enqueue(AttemptLost{ref});
}

// -- people and the engine ----------------------------------------------------------------------------

void RunActorState::on_tell(TellRun& message) {
  if (gone_ || stopping_) return;
  ++told_;
  stay_awake();
  enqueue(std::move(message.input.what), message.input.chance_ppm, std::move(message.reply));
  rest();
}

RunActor::behavior_type run_actor(RunActor::stateful_pointer<RunActorState> self, ServicesPtr services, RunBirth birth,
                                  Supervisor supervisor) {
  die_quietly(self);
  self->set_down_handler([self](caf::down_msg& message) { self->state.on_down(message); });
  self->state.open(std::move(services), std::move(birth), std::move(supervisor));
  return {[self](BeginRun& message) { self->state.on_begin(message); },
          [self](const Appended& message) { self->state.on_appended(message); },
          [self](AttemptEnded& message) { self->state.on_attempt_ended(message); },
          [self](const TimerDue& message) { self->state.on_timer(message); },
          [self](const DeadlineDue&) { self->state.on_deadline(); },
          [self](const GraceOver& message) { self->state.on_grace_over(message); },
          [self](const PlaceMissing& message) { self->state.on_place_missing(message); },
          [self](TellRun& message) { self->state.on_tell(message); },
          [self](SetEnvironment& message) { self->state.on_set_environment(message); },
          [self](const Sleep& message) { self->state.on_sleep(message); },
          [self](ClockMoved) { self->state.on_clock_moved(); },
          [self](const StopRun&) { self->state.on_stop(); }};
}

}  // namespace hillstar::actors
