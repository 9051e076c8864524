// SPDX-License-Identifier: Apache-2.0
#include "actors/stream_actor.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <utility>

#include "runtime/run/view.hpp"
#include "runtime/stream/inputs.hpp"
#include "runtime/workflow/state_fit.hpp"

namespace hillstar::actors {
namespace {

/// What the run is given and its key, as the entry point makes them of the trigger.
Result<void> complete(const workflow::Plan& plan, const EntryPoint& entry, TriggerRun& trigger) {
  if (!trigger.key) {
    HILLSTAR_TRY(trigger.key, stream::key_of(entry, trigger.event));
  }
  if (trigger.inputs) {
    HILLSTAR_TRY(trigger.inputs, stream::given_inputs(plan, *trigger.inputs));
  } else {
    HILLSTAR_TRY(trigger.inputs, stream::inputs_of(plan, entry, trigger.event));
  }
  return {};
}

}  // namespace

void StreamActorState::open(StreamParts parts) {
  parts_ = std::move(parts);
  if (parts_.state.version == 0) return;
  take_quota();
  find_runs();
}

void StreamActorState::find_runs() {
  persistence::RunQuery open;
  open.statuses = persistence::open_statuses();
  open.stream = parts_.state.declared.stream;
  const auto read = parts_.services->store->each(std::move(open), [&](const run::Summary& row) {
    crowd_.found(row.run, stream::phase_of(row), row.ticket);
    return true;
  });
  if (!read) return parts_.services->log("error " + to_string(read.error()));
  settle();
}

// -- triggers -----------------------------------------------------------------------------------------

bool StreamActorState::is_repeated(const TriggerRun& trigger, const Reply<Accepted>& reply) {
  if (!trigger.key) return false;
  if (const auto pending = keys_.find(*trigger.key); pending != keys_.end()) {
    offers_.at(pending->second).replies.push_back(reply);
    ++repeated_;
    return true;
  }
  persistence::RunQuery same;
  same.stream = parts_.state.declared.stream;
  same.key = trigger.key;
  same.limit = 1;
  const auto found = parts_.services->store->query(same);
  if (!found) {
    reply.answer(found.error());
    return true;
  }
  if (found->rows.empty()) return false;
  ++repeated_;
  reply.answer(Accepted{found->rows.front().run, true, found->rows.front().status == "queued"});
  return true;
}

void StreamActorState::refuse(const TriggerRun& trigger, const Reply<Accepted>& reply, const Error& why) {
  ++refused_;
  refusals_.push_back({parts_.services->clock->utc_now(), trigger.kind, why.message});
  if (refusals_.size() > kRefusalsKept) refusals_.pop_front();
  reply.answer(why);
}

void StreamActorState::take_quota() {
  const auto& declared = parts_.state.declared;
  const auto& quota = declared.entry.quota;
  if (!quota) return meter_.reset();
  if (meter_ && meter_->quota() == *quota) return;
  const auto now = parts_.services->clock->utc_now();
  meter_ = std::make_unique<StreamMeter>(*parts_.services->store, declared.stream, *quota, now);
  on_count_again();
}

void StreamActorState::on_count_again() {
  if (!meter_) return;
  const auto counted = meter_->count(parts_.services->clock->utc_now());
  if (!counted) parts_.services->log("error " + to_string(counted.error()));
  // What is accepted and not durable yet is in no row.
  for (const auto& [run, offer] : offers_)
    if (!parts_.services->store->summary(run)) meter_->accepted(run, offer.accepted_at, offer.queued);
}

bool StreamActorState::is_beyond_quota(const TriggerRun& trigger, const Reply<Accepted>& reply) {
  if (!meter_) return false;
  const auto& clock = *parts_.services->clock;
  const auto excess = meter_->excess(clock.utc_now(), clock.steady_now());
  if (!excess) return false;
  if (trigger.room_at) *trigger.room_at = excess->room_at;
  refuse(trigger, reply, excess->error);
  return true;
}

void StreamActorState::on_offer(OfferRun& message) {
  if (parts_.state.removed || !parts_.plan)
    return message.reply.answer(stream::refusal(parts_.state, stream::Verdict::refuse));
  auto& trigger = *message.trigger;
  if (const auto completed = complete(*parts_.plan, parts_.state.declared.entry, trigger); !completed)
    return refuse(trigger, message.reply, completed.error());
  if (!is_repeated(trigger, message.reply)) decide(std::move(message.trigger), std::move(message.reply));
}

void StreamActorState::decide(std::shared_ptr<TriggerRun> trigger, Reply<Accepted> reply) {
  using stream::Verdict;
  const auto verdict = stream::admit(parts_.state, crowd_, trigger->kind, callers_.size());
  const bool leads_on = verdict != Verdict::skip && verdict != Verdict::refuse;
  if (leads_on && is_beyond_quota(*trigger, reply)) return;
  switch (verdict) {
    case Verdict::start:
      return accept(std::move(trigger), std::move(reply), false);
    case Verdict::drop:
      drop_oldest();
      [[fallthrough]];
    case Verdict::queue:
      return accept(std::move(trigger), std::move(reply), true);
    case Verdict::wait:
      callers_.push_back({++caller_numbers_, std::move(trigger), std::move(reply)});
      caf::delayed_anon_send(StreamActor(self_), stream::kCallerWait, CallerOver{caller_numbers_});
      return;
    case Verdict::skip:
      if (trigger->due) record(TimerFired{*trigger->due, {}, "a run has not ended (overlap: skip)"}, {});
      break;
    case Verdict::refuse:
      break;
  }
  refuse(*trigger, reply, stream::refusal(parts_.state, verdict));
}

void StreamActorState::accept(std::shared_ptr<TriggerRun> trigger, Reply<Accepted> reply, bool queue) {
  const auto& services = *parts_.services;
  const auto run = trigger->run ? *trigger->run : services.ids->new_run(services.clock->utc_now());
  if (crowd_.has(run)) return reply.answer(Error{Errc::run_state, "A run of this id was started before.", run.str()});
  const auto ticket = crowd_.accept(run, queue);
  if (trigger->key) keys_.emplace(*trigger->key, run);
  auto& offer = offers_[run];
  offer.queued = queue;
  offer.accepted_at = services.clock->utc_now();
  if (meter_) meter_->accepted(run, offer.accepted_at, queue);
  offer.replies.push_back(std::move(reply));
  offer.trigger = std::move(trigger);
  start(run, *offer.trigger, ticket);
}

void StreamActorState::start(const RunId& run, const TriggerRun& trigger, std::optional<std::uint64_t> ticket) {
  const auto& declared = parts_.state.declared;
  const auto& entry = declared.entry;
  auto request = std::make_shared<StartRun>();
  request->run = run;
  request->plan = parts_.plan;
  request->workflow_text = parts_.workflow_text;
  request->workflow_file = declared.workflow_file;
  request->inputs = trigger.inputs.value_or(Json());
  request->workspace = declared.workspace;
  request->output_dir = declared.output_dir;
  request->allow_paths = declared.allow_paths;
  request->environment = parts_.environment;
  request->started_by = trigger.started_by;
  request->priority = entry.priority;
  request->trigger =
      Trigger{declared.stream, trigger.kind, trigger.key, trigger.due, trigger.cause, trigger.depth, trigger.trace};
  request->labels = trigger.labels;
  request->correlation = trigger.correlation;
  if (entry.timeout) request->deadline = parts_.services->clock->utc_now() + *entry.timeout;
  request->budget = entry.budget;
  if (entry.isolation != Isolation::isolated) request->isolation = entry.isolation;
  request->ticket = ticket;
  auto reply = Reply<RunId>::call([stream = StreamActor(self_), run](const Result<RunId>& started) {
    caf::anon_send(stream, OfferAnswered{run, started ? std::nullopt : std::optional(started.error())});
  });
  self_->anon_send(parts_.supervisor, StartRequest{std::move(request), std::move(reply)});
}

void StreamActorState::on_answered(const OfferAnswered& message) {
  const auto found = offers_.find(message.run);
  if (found == offers_.end()) return;
  auto offer = std::move(found->second);
  offers_.erase(found);
  if (offer.trigger->key) keys_.erase(*offer.trigger->key);
  if (message.refused) {
    crowd_.leave(message.run);
    if (meter_) meter_->withdrawn(message.run);
    for (const auto& reply : offer.replies) refuse(*offer.trigger, reply, *message.refused);
    return settle();
  }
  ++accepted_;
  crowd_.accepted(message.run);
  if (offer.trigger->due) record(TimerFired{*offer.trigger->due, message.run, {}}, {});
  bool repeated = false;
  for (const auto& reply : offer.replies)
    reply.answer(Accepted{message.run, std::exchange(repeated, true), offer.queued});
  if (offer.queued) settle();
}

void StreamActorState::drop_oldest() {
  const auto run = *crowd_.first();
  ++dropped_;
  crowd_.leave(run);
  Input input;
  input.what = CancelAsked{{}, "it waited longest in a full queue (overflow: drop_oldest)"};
  self_->anon_send(parts_.supervisor, TellRun{run, std::move(input), {}});
}

void StreamActorState::on_caller_over(const CallerOver& message) {
  const auto found = std::find_if(callers_.begin(), callers_.end(),
                                  [&](const Caller& caller) { return caller.number == message.caller; });
  if (found == callers_.end()) return;
  refuse(*found->trigger, found->reply, stream::refusal(parts_.state, stream::Verdict::refuse));
  callers_.erase(found);
}

void StreamActorState::on_moved(const RunMoved& message) {
  if (message.ended) {
    crowd_.leave(message.run);
    if (meter_) meter_->ended(message.run, parts_.services->clock->utc_now());
  } else {
    crowd_.move(message.run, message.phase);
  }
  settle();
}

void StreamActorState::settle() {
  while (const auto* run = stream::next(parts_.state, crowd_)) {
    const auto turn = *run;
    crowd_.move(turn, stream::Phase::moving);
    if (meter_) meter_->admitted(turn);
    Input input;
    input.what = Admit{};
    auto reply = Reply<std::vector<Event>>::call([stream = StreamActor(self_), turn](const auto& facts) {
      if (!facts) caf::anon_send(stream, RunMoved{turn, {}, stream::Phase::moving, true});
    });
    self_->anon_send(parts_.supervisor, TellRun{turn, std::move(input), std::move(reply)});
  }
  while (!callers_.empty()) {
    // As if nobody waited before it: it is the first.
    const auto verdict = stream::admit(parts_.state, crowd_, callers_.front().trigger->kind, 0);
    if (verdict != stream::Verdict::start && verdict != stream::Verdict::queue) return;
    auto caller = std::move(callers_.front());
    callers_.pop_front();
    if (!is_repeated(*caller.trigger, caller.reply) && !is_beyond_quota(*caller.trigger, caller.reply))
      accept(std::move(caller.trigger), std::move(caller.reply), verdict == stream::Verdict::queue);
  }
}

// -- the stream's own history -------------------------------------------------------------------------

void StreamActorState::on_tell(TellStream& message) { record(std::move(message.fact), std::move(message.reply)); }

void StreamActorState::on_declare(DeclareRequest& message) {
  auto& request = *message.request;
  auto& store = *parts_.services->store;
  if (const auto fits = workflow::check_state(*request.plan, {request.entry.isolation, true}); !fits)
    return message.reply.answer(fits.error());
  StreamDeclared fact;
  fact.stream = request.plan->workflow.str() + "/" + request.entry.id;
  auto plan_sha256 = store.put_blob(workflow::to_text(*request.plan));
  auto text_sha256 = store.put_blob(request.workflow_text);
  if (!plan_sha256 || !text_sha256)
    return message.reply.answer(plan_sha256 ? text_sha256.error() : plan_sha256.error());
  fact.entry = std::move(request.entry);
  fact.workflow = request.plan->workflow;
  fact.workflow_file = std::move(request.workflow_file);
  fact.workflow_sha256 = *std::move(text_sha256);
  fact.plan_sha256 = *std::move(plan_sha256);
  fact.workspace = std::move(request.workspace);
  fact.output_dir = std::move(request.output_dir);
  fact.allow_paths = std::move(request.allow_paths);
  fact.declared_by = std::move(request.declared_by);
  parts_.plan = std::move(request.plan);
  parts_.workflow_text = std::move(request.workflow_text);
  const auto answer = [this, reply = std::move(message.reply)](const Result<bool>& done) {
    reply.answer(done ? Result<StreamStatus>(status()) : Result<StreamStatus>(done.error()));
  };
  const auto& known = parts_.state;
  if (known.version > 0 && !known.removed && stream::is_same(known.declared, fact)) return answer(true);
  record(std::move(fact), Reply<bool>::call(answer));
}

void StreamActorState::record(Event fact, Reply<bool> reply) {
  facts_.push_back({std::move(fact), std::move(reply)});
  pump();
}

void StreamActorState::pump() {
  if (writing_ || facts_.empty()) return;
  const auto at = parts_.services->clock->utc_now();
  auto batch = std::make_shared<std::vector<Recorded>>();
  for (auto& fact : std::exchange(facts_, {})) {
    stream::evolve(parts_.state, fact.event, at);
    if (std::holds_alternative<StreamDeclared>(fact.event)) take_quota();
    batch->push_back({parts_.state.version, at, std::move(fact.event)});
    in_flight_.push_back(std::move(fact.reply));
  }
  AppendEvents message;
  message.append.run = parts_.history;
  message.append.expected_version = batch->front().seq - 1;
  for (const auto& [seq, when, event] : *batch) {
    message.append.records.push_back(persistence::encode(parts_.history, seq, when, event, parts_.chain));
    parts_.chain = message.append.records.back().hash;
  }
  message.append.summary = stream::row_of(parts_.state, parts_.history);
  message.events = std::move(batch);
  message.writer = StreamActor(self_);
  writing_ = true;
  self_->anon_send(parts_.services->event_log, std::move(message));
}

void StreamActorState::on_appended(const Appended& message) {
  writing_ = false;
  for (const auto& reply : std::exchange(in_flight_, {})) {
    if (message.conflict)
      reply.answer(Error{Errc::store_conflict, "another program writes this stream's history"});
    else
      reply.answer(true);
  }
  if (message.conflict) return self_->quit();
  settle();
  pump();
}

StreamStatus StreamActorState::status() {
  const auto& state = parts_.state;
  StreamStatus status;
  status.history = parts_.history;
  status.declared = state.declared;
  status.held = state.held;
  status.reason = state.reason;
  status.removed = state.removed;
  status.running = static_cast<std::uint32_t>(crowd_.started());
  status.queued = static_cast<std::uint32_t>(crowd_.queued());
  status.waiting_callers = static_cast<std::uint32_t>(callers_.size());
  status.accepted = accepted_;
  status.repeated = repeated_;
  status.refused = refused_;
  status.dropped = dropped_;
  status.last_due = state.last_due;
  status.declared_at = state.declared_at;
  status.cursor = state.cursor;
  status.chains_ended = chains_ended_;
  status.refusals.assign(refusals_.begin(), refusals_.end());
  if (meter_) status.quota_used = meter_->use(parts_.services->clock->utc_now());
  return status;
}

void StreamActorState::on_end_chain(const EndChain& message) {
  ++chains_ended_;
  refusals_.push_back({parts_.services->clock->utc_now(), TriggerKind::event, message.why});
  if (refusals_.size() > kRefusalsKept) refusals_.pop_front();
}

void StreamActorState::on_ask(const AskStatus& message) {
  caf::anon_send(parts_.directory, StreamTold{message.question, status()});
}

StreamActor::behavior_type stream_actor(StreamActor::stateful_pointer<StreamActorState> self, StreamParts parts) {
  die_quietly(self);
  self->state.open(std::move(parts));
  return {[self](OfferRun& message) { self->state.on_offer(message); },
          [self](const OfferAnswered& message) { self->state.on_answered(message); },
          [self](const CallerOver& message) { self->state.on_caller_over(message); },
          [self](const RunMoved& message) { self->state.on_moved(message); },
          [self](TellStream& message) { self->state.on_tell(message); },
          [self](DeclareRequest& message) { self->state.on_declare(message); },
          [self](const AskStatus& message) { self->state.on_ask(message); },
          [self](const Appended& message) { self->state.on_appended(message); },
          [self](const EndChain& message) { self->state.on_end_chain(message); },
          [self](CountAgain) { self->state.on_count_again(); },
          [self](LeaveStream) { self->quit(); }};
}

}  // namespace hillstar::actors
