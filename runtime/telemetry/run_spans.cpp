// SPDX-License-Identifier: Apache-2.0
#include "runtime/telemetry/run_spans.hpp"

#include <algorithm>
#include <iterator>
#include <type_traits>

#include "messages/json_codec.hpp"
#include "runtime/telemetry/names.hpp"
#include "runtime/telemetry/span_attributes.hpp"

namespace hillstar::telemetry {
namespace {

/// Of one run; what is beyond says nothing of its own.
constexpr std::size_t kLabelsMax = 32;

Attributes place_of(const NodeId& node, std::optional<std::uint32_t> item = std::nullopt, std::uint32_t attempt = 0) {
  Attributes attributes;
  put_place(attributes, node, item, attempt);
  return attributes;
}

}  // namespace

const workflow::PlanNode* SpanPlan::find(const NodeId& node) const {
  if (!plan || !index) return nullptr;
  const auto found = index->find(node.str());
  return found == index->end() ? nullptr : &plan->nodes[found->second];
}

RunSpans::RunSpans(RunId run, SpanPlan plan, std::shared_ptr<const SpanOptions> options)
    : run_(std::move(run)), plan_(std::move(plan)), options_(std::move(options)) {}

/// What each kind of fact means; those that no span tells of, mean nothing.
struct RunSpans::Taker {
  RunSpans& self;

  void operator()(const RunStarted& e) const { self.begin(e, self.now_); }
  void operator()(const RunQueued&) const { self.note("hillstar.run.queued", {}); }
  void operator()(const RunAdmitted&) const { self.note("hillstar.run.admitted", {}); }
  void operator()(const RunPaused& e) const { with_reason("hillstar.run.paused", e.reason); }
  void operator()(const RunResumed&) const { self.note("hillstar.run.resumed", {}); }
  void operator()(const CancelRequested& e) const { with_reason("hillstar.run.cancel_requested", e.reason); }
  void operator()(const RunDeadlinePassed&) const { self.note("hillstar.run.deadline_passed", {}); }
  void operator()(const RunCompleted&) const { self.end_run("completed", nullptr, {}); }
  void operator()(const RunFailed& e) const { self.end_run("failed", &e.failure, {}); }
  void operator()(const RunCancelled& e) const { self.end_run("cancelled", nullptr, e.reason); }
  void operator()(const RunTimedOut& e) const {
    const Failure failure{FailureClass::timeout, e.reason, {}};
    self.end_run("timed_out", &failure, {});
  }
  void operator()(const LoopExhausted& e) const {
    self.note("hillstar.loop.exhausted", {{"hillstar.loop.id", cut(e.loop, kTextBytesMax)}});
  }
  void operator()(const NodeInherited& e) const { self.note("hillstar.node.inherited", place_of(e.node)); }
  void operator()(const NodeScheduled& e) const { self.schedule(e); }
  void operator()(const MapExpanded& e) const {
    if (const auto map = self.maps_.find(e.node.str()); map != self.maps_.end())
      put(map->second.attributes, "hillstar.map.items", std::int64_t{e.count});
  }
  void operator()(const NodeCompleted& e) const { self.complete(e); }
  void operator()(const NodeAttemptFailed& e) const { self.fail(e); }
  void operator()(const NodeAttemptLost& e) const {
    end_unseen(e, "lost", Failure{FailureClass::lost, "nobody saw the end of the attempt", {}});
  }
  void operator()(const NodeCancelled& e) const { end_unseen(e, "cancelled", std::nullopt); }
  void operator()(const NodeFailed& e) const { self.fail_node(e); }
  void operator()(const NodeSkipped& e) const {
    self.end_wait(e.node, std::nullopt);
    self.end_map(e.node, nullptr);
    auto attributes = place_of(e.node);
    put_text(attributes, names::kReason, json::enum_name(e.reason));
    self.note("hillstar.node.skipped", std::move(attributes));
  }
  void operator()(const CheckpointReached& e) const { self.note("hillstar.checkpoint", place_of(e.node)); }
  void operator()(const NodeRetryDue& e) const { self.note("hillstar.retry.due", place_of(e.node, e.item, e.attempt)); }
  void operator()(const NodeResolved& e) const {
    auto attributes = place_of(e.node, e.item, e.attempt);
    put_text(attributes, "hillstar.settlement", json::enum_name(e.settlement));
    self.note("hillstar.node.resolved", std::move(attributes));
  }
  void operator()(const NodeDeadlinePassed& e) const {
    self.note("hillstar.node.deadline_passed", place_of(e.node, e.item));
  }
  void operator()(const BudgetExhausted& e) const {
    auto attributes = place_of(e.node, e.item);
    put_text(attributes, "hillstar.budget.scope", json::enum_name(e.scope));
    self.note("hillstar.budget.exhausted", std::move(attributes));
  }
  void operator()(const ApprovalRequested& e) const { self.begin_wait(e.node, std::nullopt, "approval", {}); }
  void operator()(const ApprovalAnswered& e) const {
    const auto wait = self.waits_.find({e.node.str(), std::nullopt});
    if (wait == self.waits_.end()) return;
    self.note(wait->second, "hillstar.approval.answered", {{"hillstar.approved", e.approved}});
    put(wait->second.attributes, "hillstar.approved", e.approved);
  }
  void operator()(const InputRequested& e) const {
    self.begin_wait(e.node, e.item, "input", {{"hillstar.request", cut(e.request, kTextBytesMax)}});
  }
  void operator()(const SignalAwaited& e) const {
    self.begin_wait(e.node, e.item, "signal", {{"hillstar.signal", cut(e.name, kTextBytesMax)}});
  }
  void operator()(const SignalReceived& e) const {
    self.note("hillstar.signal.received", {{"hillstar.signal", cut(e.name, kTextBytesMax)}});
  }
  void operator()(const InputProvided& e) const {
    self.note("hillstar.input.provided", {{"hillstar.request", cut(e.request, kTextBytesMax)}});
  }
  void operator()(const ConnectionAttempted& e) const {
    const auto open = self.attempts_.find({e.node.str(), e.item});
    if (open == self.attempts_.end() || open->second.attempt != e.attempt) return;
    self.note(open->second.span, "hillstar.connection",
              {{"hillstar.endpoint", cut(e.endpoint, kTextBytesMax)}, {"hillstar.allowed", e.allowed}});
  }
  // Of streams and of shared state, which have histories of their own.
  template <class Other>
  void operator()(const Other&) const {}

  void with_reason(const char* name, const std::string& reason) const {
    Attributes attributes;
    put_text(attributes, names::kReason, self.clean(reason));
    self.note(name, std::move(attributes));
  }
  template <class E>
  void end_unseen(const E& event, const char* outcome, const std::optional<Failure>& why) const {
    auto span = self.close(event.node, event.item, event.attempt);
    if (!span) return;
    if (event.made_by) put_text(span->attributes, "hillstar.worker", event.made_by->worker);
    put_text(span->attributes, names::kOutcome, outcome);
    if (why) self.set_error(*span, *why);
    count_call(*span, std::nullopt);
    self.finish(*std::move(span));
  }
};

void RunSpans::take(const Recorded& recorded, std::vector<Span>& ended) {
  now_ = std::max(now_, recorded.at);
  seq_ = recorded.seq;
  ended_ = &ended;
  if (!over_) std::visit(Taker{*this}, recorded.event);
  ended_ = nullptr;
}

void RunSpans::begin(const RunStarted& started, UtcTime at) {
  const auto trace = run_trace(run_, started, options_->sampler);
  run_span_.context = trace.self;
  run_span_.parent_span_id = trace.parent_span_id;
  run_span_.parent_is_remote = !trace.parent_span_id.empty();
  run_span_.name = "invoke_workflow " + cut(started.workflow.str(), kTextBytesMax);
  run_span_.start = at;
  auto& out = run_span_.attributes;
  put(out, names::kOperation, std::string("invoke_workflow"));
  put_text(out, names::kWorkflowName, started.workflow.str());
  put_text(out, names::kRun, run_.str());
  put_text(out, "hillstar.engine", started.engine);
  if (started.correlation) put_text(out, "hillstar.correlation", clean(*started.correlation));
  if (started.air_gapped) put(out, "hillstar.air_gapped", true);
  std::size_t labels = 0;
  for (const auto& [name, value] : started.labels)
    if (++labels <= kLabelsMax) put_text(out, ("hillstar.label." + cut(name, 64)).c_str(), clean(value));
  if (const auto& trigger = started.trigger) {
    put_text(out, "hillstar.trigger", json::enum_name(trigger->kind));
    if (trigger->stream) put_text(out, "hillstar.stream", *trigger->stream);
    if (trigger->cause) link_to(*trigger->cause, "cause");
  }
  if (started.parent) link_to(*started.parent, "fork");
}

void RunSpans::link_to(const Origin& origin, const char* kind) {
  const auto there = options_->trace_of ? options_->trace_of(origin.run) : run_trace(origin.run, std::nullopt);
  Attributes attributes{{"hillstar.link", std::string(kind)}};
  put_text(attributes, names::kRun, origin.run.str());
  put_number(attributes, "hillstar.seq", origin.seq);
  run_span_.links.push_back({there.self, std::move(attributes)});
}

void RunSpans::end_run(const char* status, const Failure* failure, const std::string& reason) {
  while (!attempts_.empty()) {
    auto open = attempts_.extract(attempts_.begin());
    put_text(open.mapped().span.attributes, names::kOutcome, "not_known");
    finish(std::move(open.mapped().span));
  }
  while (!waits_.empty()) finish(std::move(waits_.extract(waits_.begin()).mapped()));
  while (!maps_.empty()) finish(std::move(maps_.extract(maps_.begin()).mapped()));
  put_text(run_span_.attributes, names::kRunStatus, status);
  put_text(run_span_.attributes, names::kReason, clean(reason));
  if (failure != nullptr) set_error(run_span_, *failure);
  over_ = true;
  waits_so_far_.clear();
  const auto context = run_span_.context;
  finish(std::move(run_span_));
  run_span_ = {};
  run_span_.context = context;
}

void RunSpans::note(std::string name, Attributes attributes) {
  note(run_span_, std::move(name), std::move(attributes));
}

void RunSpans::note(Span& span, std::string name, Attributes attributes) const {
  if (span.events.size() < kSpanEventsMax)
    span.events.push_back({now_, std::move(name), std::move(attributes)});
  else
    ++span.dropped_events;
}

void RunSpans::schedule(const NodeScheduled& event) {
  end_wait(event.node, event.item);
  const auto* node = plan_.find(event.node);
  if (node != nullptr && node->map && !event.item) {
    if (maps_.contains(event.node.str())) return;
    auto span =
        child(map_span_id(run_, event.node), run_span_.context.span_id, "map " + cut(event.node.str(), kTextBytesMax));
    put_place(span.attributes, event.node, std::nullopt, 0);
    maps_.emplace(event.node.str(), std::move(span));
    return;
  }
  auto span =
      child(attempt_span_id(run_, event.node, event.item, event.attempt), parent_of(event.node, event.item), {});
  describe_attempt(span, event, node, plan_.plan.get());
  attempts_[{event.node.str(), event.item}] = {std::move(span), event.attempt};
}

std::string RunSpans::parent_of(const NodeId& node, std::optional<std::uint32_t> item) const {
  if (!item) return run_span_.context.span_id;
  const auto map = maps_.find(node.str());
  return map == maps_.end() ? run_span_.context.span_id : map->second.context.span_id;
}

void RunSpans::begin_wait(const NodeId& node, std::optional<std::uint32_t> item, const char* kind,
                          Attributes attributes) {
  end_wait(node, item);
  const Unit unit{node.str(), item};
  auto span = child(wait_span_id(run_, node, item, ++waits_so_far_[unit]), parent_of(node, item),
                    "wait " + cut(node.str(), kTextBytesMax));
  put_place(span.attributes, node, item, 0);
  put_text(span.attributes, "hillstar.wait", kind);
  std::move(attributes.begin(), attributes.end(), std::back_inserter(span.attributes));
  waits_.emplace(unit, std::move(span));
}

void RunSpans::end_wait(const NodeId& node, std::optional<std::uint32_t> item) {
  if (auto wait = waits_.extract({node.str(), item})) finish(std::move(wait.mapped()));
}

void RunSpans::end_map(const NodeId& node, const Failure* failure) {
  auto map = maps_.extract(node.str());
  if (!map) return;
  if (failure != nullptr) set_error(map.mapped(), *failure);
  finish(std::move(map.mapped()));
}

void RunSpans::complete(const NodeCompleted& event) {
  end_wait(event.node, event.item);
  if (!event.item) end_map(event.node, nullptr);
  auto span = close(event.node, event.item, event.attempt);
  if (!span) return;
  span->status = SpanStatus::ok;
  if (event.made_by) put_text(span->attributes, "hillstar.worker", event.made_by->worker);
  if (span->kind == SpanKind::client) describe_reply(*span, event.detail, event.usage, options_->older_names);
  add_content(*span, plan_.find(event.node), event.result, event.detail, *options_);
  count_call(*span, event.usage);
  finish(*std::move(span));
}

void RunSpans::fail(const NodeAttemptFailed& event) {
  end_wait(event.node, event.item);
  auto span = close(event.node, event.item, event.attempt);
  if (!span) {
    // The list of a map: its span goes on, for it may be made again.
    if (const auto map = maps_.find(event.node.str()); map != maps_.end() && !event.item)
      note(map->second, "hillstar.attempt.failed",
           {{names::kErrorType, std::string(json::enum_name(event.failure.kind))}});
    return;
  }
  set_error(*span, event.failure);
  if (event.made_by) put_text(span->attributes, "hillstar.worker", event.made_by->worker);
  if (span->kind == SpanKind::client) describe_reply(*span, event.detail, event.usage, options_->older_names);
  if (event.retry_at || event.next_candidate || event.repair) {
    Attributes attributes;
    if (event.retry_at) put_text(attributes, "hillstar.retry.at", to_rfc3339(*event.retry_at));
    if (event.next_provider) put_text(attributes, "hillstar.retry.provider", *event.next_provider);
    if (event.repair) put(attributes, "hillstar.retry.repair", true);
    note(*span, "hillstar.retry.scheduled", std::move(attributes));
  }
  add_content(*span, plan_.find(event.node), event.result, event.detail, *options_);
  count_call(*span, event.usage);
  finish(*std::move(span));
}

void RunSpans::fail_node(const NodeFailed& event) {
  end_wait(event.node, event.item);
  if (!event.item) end_map(event.node, &event.failure);
  auto attributes = place_of(event.node, event.item);
  put_text(attributes, names::kErrorType, json::enum_name(event.failure.kind));
  note("hillstar.node.failed", std::move(attributes));
}

std::optional<Span> RunSpans::close(const NodeId& node, std::optional<std::uint32_t> item, std::uint32_t attempt) {
  const auto open = attempts_.find({node.str(), item});
  if (open == attempts_.end() || open->second.attempt != attempt) return std::nullopt;
  auto span = std::move(open->second.span);
  attempts_.erase(open);
  span.end = std::max(span.start, now_);
  return span;
}

void RunSpans::finish(Span span) {
  span.end = std::max(span.start, now_);
  ended_->push_back(std::move(span));
}

Span RunSpans::child(std::string span_id, std::string parent, std::string name) const {
  Span span;
  span.context = run_span_.context;
  span.context.span_id = std::move(span_id);
  span.parent_span_id = std::move(parent);
  span.name = std::move(name);
  span.start = now_;
  put_text(span.attributes, names::kRun, run_.str());
  return span;
}

std::string RunSpans::clean(std::string_view text) const { return cut(options_->redactor.redact(text), kTextBytesMax); }

void RunSpans::set_error(Span& span, const Failure& failure) const {
  span.status = SpanStatus::error;
  span.message = clean(failure.message);
  put_text(span.attributes, names::kErrorType, json::enum_name(failure.kind));
}

}  // namespace hillstar::telemetry
