// SPDX-License-Identifier: Apache-2.0
#include "actors/child_runs.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <utility>

#include "runtime/policy/child_data.hpp"
#include "runtime/run/child.hpp"
#include "runtime/run/view.hpp"
#include "runtime/stream/scope.hpp"
#include "runtime/telemetry/trace_context.hpp"
#include "runtime/workflow/children.hpp"
#include "runtime/workflow/compile.hpp"

namespace hillstar::actors {
namespace {

/// As long as a run stands still for this reason, it goes on with the one that it is a part of.
constexpr std::string_view kHeldReason = "the run that it is a part of is paused";
constexpr std::string_view kCancelReason = "the run that it is a part of was cancelled";

std::string who_of(const ChildOrder& order) { return "run " + order.above->run; }

std::optional<UtcTime> sooner(std::optional<UtcTime> a, std::optional<UtcTime> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

}  // namespace

void ChildRunsState::on_open(const OpenChildren& message) {
  supervisor_ = message.supervisor;
  // Of a run that ended just before the process did, and could not say so any more.
  for (const auto& [run, above] : message.parts) {
    const auto row = parts_.services->store->summary(above);
    if (!row || !run::is_terminal(*row)) continue;
    Input input{parts_.services->clock->utc_now(), 0, CancelAsked{"run " + above.str(), std::string(kAboveEnded)}};
    caf::anon_send(supervisor_, TellRun{run, std::move(input), {}});
  }
}

// -- attempts -----------------------------------------------------------------------------------------

void ChildRunsState::on_run(RunChild& message) {
  const auto run = message.order->run;
  auto& waiting = waiting_[run];
  waiting = {std::move(message.order), std::move(message.node), message.halt, message.held};
  look(run, waiting);
}

void ChildRunsState::look(const RunId& run, Waiting& waiting) {
  const auto row = parts_.services->store->summary(run);
  if (row) return run::is_terminal(*row) ? answer(run, {waiting.order->ref, true}) : go_on(run, waiting, *row);
  if (row.error().code != Errc::run_not_found) return answer(run, {waiting.order->ref, false, row.error()});
  // Nothing was started that would have to be stopped.
  if (waiting.halt) return answer(run, {waiting.order->ref});
  if (const auto started = start(waiting); !started) return answer(run, {waiting.order->ref, false, started.error()});
  if (waiting.held) tell(run, waiting.order->ref, PauseAsked{std::string(kHeldReason), false});
}

void ChildRunsState::go_on(const RunId& run, const Waiting& waiting, const run::Summary& row) {
  const auto& order = *waiting.order;
  // Whoever has it in hand already does not mind.
  caf::anon_send(supervisor_, SetEnvironment{run, order.above->environment, {}, {}});
  if (waiting.halt) return tell_halt(run, waiting);
  if (waiting.held)
    tell(run, order.ref, PauseAsked{std::string(kHeldReason), false});
  else if (row.status == "paused" && row.reason == kHeldReason)
    tell(run, order.ref, ResumeAsked{who_of(order)});
}

void ChildRunsState::tell(const RunId& run, const AttemptRef& ref, decltype(Input::what) what) {
  auto reply = Reply<std::vector<Event>>::call([self = ChildRuns(self_), run, ref](Result<std::vector<Event>> told) {
    caf::anon_send(self, ChildTold{run, ref, told ? std::nullopt : std::optional(told.error())});
  });
  Input input{parts_.services->clock->utc_now(), 0, std::move(what)};
  caf::anon_send(supervisor_, TellRun{run, std::move(input), std::move(reply)});
}

void ChildRunsState::tell_halt(const RunId& run, const Waiting& waiting) {
  const auto& order = *waiting.order;
  if (waiting.halt == Halt::pause) return tell(run, order.ref, PauseAsked{std::string(kHeldReason), true});
  tell(run, order.ref, CancelAsked{who_of(order), std::string(kCancelReason)});
}

void ChildRunsState::on_halt(const HaltChild& message) {
  const auto entry = waiting_.find(message.run);
  if (entry == waiting_.end() || entry->second.order->ref != message.ref) return;
  if (message.why == Halt::leave) {
    waiting_.erase(entry);
    return;
  }
  entry->second.halt = message.why;
  tell_halt(message.run, entry->second);
}

void ChildRunsState::on_hold(const HoldChild& message) {
  const auto entry = waiting_.find(message.run);
  if (entry == waiting_.end() || entry->second.halt || entry->second.held == message.held) return;
  auto& waiting = entry->second;
  waiting.held = message.held;
  if (message.held) return tell(message.run, waiting.order->ref, PauseAsked{std::string(kHeldReason), false});
  // What a person paused is a person's to resume.
  const auto row = parts_.services->store->summary(message.run);
  if (row && row->status == "paused" && row->reason != kHeldReason) return;
  tell(message.run, waiting.order->ref, ResumeAsked{who_of(*waiting.order)});
}

// -- what becomes of the run --------------------------------------------------------------------------

void ChildRunsState::on_moved(const ChildMoved& message) {
  const auto entry = waiting_.find(message.run);
  if (entry == waiting_.end()) return;
  const auto ref = entry->second.order->ref;
  answer(message.run, {ref, !message.parked, message.parked});
}

void ChildRunsState::on_started(const ChildStarted& message) {
  const auto entry = waiting_.find(message.run);
  // An engine that stops starts nothing: the next one does.
  if (!message.refused || entry == waiting_.end() || message.refused->code == Errc::host_unreachable) return;
  const auto& waiting = entry->second;
  const auto row = parts_.services->store->summary(message.run);
  // Asked for twice: the other one is it.
  if (row || message.refused->code == Errc::run_state) {
    if (row && run::is_terminal(*row)) answer(message.run, {waiting.order->ref, true});
    return;
  }
  answer(message.run, {waiting.order->ref, false, message.refused});
}

void ChildRunsState::on_told(const ChildTold& message) {
  const auto entry = waiting_.find(message.run);
  if (entry == waiting_.end() || !entry->second.halt || entry->second.order->ref != message.ref) return;
  const auto row = parts_.services->store->summary(message.run);
  if (row && run::is_terminal(*row)) return answer(message.run, {message.ref, true});
  // A cancelled run ends; one that is paused does not.
  if (entry->second.halt == Halt::pause || message.refused) answer(message.run, {message.ref});
}

void ChildRunsState::answer(const RunId& run, ChildAnswered answered) {
  const auto entry = waiting_.extract(run);
  if (entry) caf::anon_send(entry.mapped().node, std::move(answered));
}

// -- starting -----------------------------------------------------------------------------------------

Result<void> ChildRunsState::start(const Waiting& waiting) {
  HILLSTAR_TRY(auto request, request_of(*waiting.order));
  const auto reply =
      Reply<RunId>::call([self = ChildRuns(self_), run = waiting.order->run](const Result<RunId>& started) {
        caf::anon_send(self, ChildStarted{run, started ? std::nullopt : std::optional(started.error())});
      });
  caf::anon_send(supervisor_, StartRequest{std::make_shared<StartRun>(std::move(request)), reply});
  return {};
}

Result<StartRun> ChildRunsState::request_of(const ChildOrder& order) {
  const auto& above = order.frame->started;
  const auto* child = run::child_of(*order.frame->plan, *order.node);
  if (child == nullptr)
    return Error{Errc::workflow_invalid, "the plan does not have the workflow that it runs", order.node->id.str()};
  HILLSTAR_TRY(const auto plan, plan_of(order, *child));
  auto inputs = workflow::resolve_inputs(*plan, order.texts, order.values);
  if (workflow::has_errors(inputs.diagnostics))
    return Error{Errc::inputs_invalid, workflow::to_string(inputs.diagnostics.front(), child->file)};
  StartRun request;
  request.run = order.run;
  request.plan = plan;
  request.workflow_text = child->text;
  request.workflow_file = child->path;
  request.inputs = std::move(inputs.values);
  request.workspace = above.workspace;
  if (!above.output_dir.empty()) request.output_dir = above.output_dir + "/" + order.run.str();
  request.allow_paths = above.allow_paths;
  request.environment = order.above->environment;
  request.started_by = above.started_by;
  request.priority = above.priority;
  request.air_gapped = above.air_gapped;
  Trigger trigger;
  trigger.kind = TriggerKind::workflow;
  const RunId run_above(order.above->run);
  trigger.cause = Origin{run_above, order.seq};
  trigger.depth = (above.trigger ? above.trigger->depth : 0) + 1;
  auto trace =
      telemetry::traceparent_of(order.above->trace, run_above, order.node->id, order.ref.item, order.ref.attempt);
  if (!trace.empty()) trigger.trace = std::move(trace);
  request.trigger = std::move(trigger);
  request.labels = above.labels;
  request.correlation = above.correlation;
  request.deadline = sooner(above.deadline, order.ends_by);
  if (order.node->start_to_close)
    request.deadline = sooner(request.deadline, parts_.services->clock->utc_now() + *order.node->start_to_close);
  request.budget = order.budget;
  request.isolation = above.isolation;
  if (auto stream = stream::shared_stream_of(above); !stream.empty()) request.state_stream = std::move(stream);
  return request;
}

Result<ChildRunsState::KnownPlans*> ChildRunsState::known(const ChildOrder& order) {
  const auto& above = order.frame->plan;
  const auto& rules = order.above->rules;
  const auto& workspace = order.above->workspace;
  const auto found = std::find_if(plans_.begin(), plans_.end(), [&](const KnownPlans& entry) {
    return entry.address == above.get() && !entry.above.expired() && entry.rules == rules &&
           entry.workspace == workspace;
  });
  if (found != plans_.end()) return &*found;
  const auto& held = rules ? rules->data : policy::default_rules().data;
  HILLSTAR_TRY(auto classes, policy::classes_given(*above, held, workspace));
  if (plans_.size() >= kChildPlansKnownMax) plans_.pop_back();
  plans_.push_front({above, above.get(), rules, workspace, std::move(classes), {}});
  return &plans_.front();
}

Result<std::shared_ptr<const workflow::Plan>> ChildRunsState::plan_of(const ChildOrder& order,
                                                                      const workflow::ChildWorkflow& child) {
  HILLSTAR_TRY(auto* entry, known(order));
  const auto given = entry->classes.find(order.ref.node);
  const auto data = given == entry->classes.end() ? std::string() : given->second;
  auto& plan = entry->plans[{child.file, data}];
  if (!plan) {
    HILLSTAR_TRY(auto made, workflow::child_plan(child, order.frame->plan->children));
    policy::raise_inputs(made, data, order.above->rules ? order.above->rules->data : policy::default_rules().data);
    plan = std::make_shared<const workflow::Plan>(std::move(made));
  }
  return plan;
}

ChildRuns::behavior_type child_runs(ChildRuns::stateful_pointer<ChildRunsState> self, ChildRunsParts parts) {
  die_quietly(self);
  self->state.hold(std::move(parts));
  return {[self](const OpenChildren& message) { self->state.on_open(message); },
          [self](RunChild& message) { self->state.on_run(message); },
          [self](const HaltChild& message) { self->state.on_halt(message); },
          [self](const HoldChild& message) { self->state.on_hold(message); },
          [self](const ChildMoved& message) { self->state.on_moved(message); },
          [self](const ChildStarted& message) { self->state.on_started(message); },
          [self](const ChildTold& message) { self->state.on_told(message); }};
}

}  // namespace hillstar::actors
