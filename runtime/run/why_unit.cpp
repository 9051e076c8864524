// SPDX-License-Identifier: Apache-2.0
// why(): one node, one map or one of its items, before and while it runs.
#include <algorithm>

#include "runtime/policy/data_guard.hpp"
#include "runtime/run/conditions.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/talk.hpp"
#include "runtime/run/units.hpp"
#include "runtime/run/view.hpp"
#include "runtime/run/why_findings.hpp"

namespace hillstar::run {
namespace {

/// One answer about one unit.
class UnitAnswer {
 public:
  UnitAnswer(Findings& findings, const UnitRef& ref, std::uint32_t depth)
      : findings_(findings),
        state_(findings.state),
        ref_(ref),
        depth_(depth),
        unit_(*find_unit(state_, ref.node, ref.item)),
        node_(state_.plan->nodes[ref.node]),
        name_(findings.quoted(ref)) {}

  void waiting() {
    if (ref_.item) return item_not_started();
    if (is_terminal(state_)) return not_run();
    std::vector<UnitRef> open;
    for (const auto before : node_.predecessors)
      if (!has_ended(state_.nodes[before].status)) open.push_back({before, std::nullopt});
    say("waiting", name_ + " has not started: of " + counted(node_.predecessors.size(), "predecessor") + ", " +
                       std::to_string(open.size()) + " still open: " + named(state_, open) + ".");
    blockers();
    if (state_.status != RunStatus::running) explain_whole();
  }

  void ready() {
    if (is_terminal(state_)) return not_run();
    if (state_.status != RunStatus::running) {
      say("ready", name_ + " is ready to start, but the run is " + std::string(status_name(state_)) + ".");
      attempts();
      return explain_whole();
    }
    if (!node_.lane.empty() && lane()) return;
    if (state_.running >= state_.plan->max_concurrency) {
      const auto others = in_flight();
      say("slots", name_ + " is ready, but all " + counted(state_.plan->max_concurrency, "slot") +
                       " (max_concurrency) are taken, by " + named(state_, others) + ".");
      for (std::size_t i = 0; i < others.size() && i < kNamedMax; ++i) explain_unit(findings_, others[i], depth_ + 1);
    } else if (state_.reserved.count > 0 && node_.tool == "model_call" && state_.plan->budget) {
      say("money", name_ + " is ready, and waits for money: " + to_dollars(state_.spent) + " USD are spent and " +
                       to_dollars(state_.reserved) + " USD reserved for calls in flight, which may give some back.");
    } else {
      say("ready", name_ + " is ready: nothing holds it, and it starts as soon as a process drives the run.");
      findings_.step(Remedy::resume);
    }
    attempts();
  }

  void held() {
    const auto& approval = *state_.nodes[ref_.node].approval;
    const auto& asked = approval.asked;
    say("held", name_ + " waits for approval: " + asked.prompt, findings_.last<ApprovalRequested>(ref_));
    if (node_.permission == workflow::Permission::ask)
      more("permission", "Asked because permissions." + node_.id.str() + " of the workflow says ask.");
    if (asked.release)
      more("release", "Asked because " + policy::describe(*asked.release) + "; the node says release: ask.");
    const auto needed = asked.approvals.value_or(1);
    const auto given = static_cast<std::uint32_t>(approval.given.size());
    std::string text = std::to_string(given) + " of " + counted(needed, "approval") + " given";
    if (given > 0) text += ", by " + joined(approval.given);
    text += "; " + std::to_string(needed - std::min(needed, given)) + " missing. ";
    text += asked.approvers.empty() ? "Whoever may use the store may answer"
                                    : "May answer (data.approvers of the policy): " + joined(asked.approvers);
    more("approvals", text + (needed > 1 ? ", each once." : "."));
    findings_.step(Remedy::approve, ref_);
    findings_.step(Remedy::reject, ref_);
  }

  void talking() {
    const bool asking = unit_.status == NodeStatus::asking;
    const auto by = unit_.ends_by ? "; by " + moment(*unit_.ends_by) + ", or it fails." : std::string(".");
    if (asking) {
      const auto question = question_of(state_, ref_);
      say("asking", name_ + " asks for the input '" + question.request + "': " + question.prompt,
          findings_.last<InputRequested>(ref_));
      more("schema", (question.schema.is_null() ? std::string("Any value will do")
                                                : "The answer must fit the schema " + question.schema.text()) +
                         by);
    } else {
      say("listening", name_ + " waits for a signal '" + signal_of(node_) + "'" + by,
          findings_.last<SignalAwaited>(ref_));
    }
    findings_.step(asking ? Remedy::input : Remedy::signal, ref_);
  }

  void running() {
    const auto* event = findings_.last<NodeScheduled>(ref_);
    std::string text = name_ + " is running: attempt " + std::to_string(unit_.attempt);
    if (event != nullptr) text += " since " + moment(event->at);
    if (unit_.call && !unit_.call->reserved.provider.empty())
      text += ", a call to " + unit_.call->reserved.provider + "/" + unit_.call->reserved.model;
    if (event != nullptr && node_.start_to_close)
      text += "; it is stopped at " + moment(event->at + *node_.start_to_close) + " at the latest";
    if (unit_.status == NodeStatus::expanding) text += "; it finds out over which items it goes";
    if (is_terminal(state_)) text += "; the run ended meanwhile";
    say("running", text + ".", event);
    if (!is_terminal(state_)) place();
    attempts();
    findings_.step(Remedy::log, ref_);
  }

  void retrying() {
    say("retrying",
        name_ + " waits until " + moment(unit_.retry_at) + " to try again; " + std::to_string(unit_.counted) + " of " +
            counted(node_.retry.attempts, "attempt") + " of its retry policy used.",
        findings_.last<NodeAttemptFailed>(ref_));
    attempts();
  }

  void lost() {
    const auto* event = findings_.last<NodeAttemptLost>(ref_);
    say("lost",
        "Nobody saw the end of attempt " + std::to_string(unit_.attempt) + " of " + name_ +
            (event != nullptr ? on_machine(std::get<NodeAttemptLost>(event->event).made_by) : "") +
            ": it may or may not have had its effect, which must not happen twice (effect: once). A person must look, "
            "and settle it.",
        event);
    findings_.step(Remedy::settle_run_again, ref_);
    findings_.step(Remedy::settle_failed, ref_);
  }

  void mapping() {
    const auto& map = *state_.nodes[ref_.node].map;
    const auto total = map.units.size();
    const auto ended = map.succeeded + map.failed;
    say("mapping", name_ + " goes over " + counted(total, "item") + ": " + std::to_string(map.succeeded) +
                       " succeeded, " + std::to_string(map.failed) + " failed, " + std::to_string(map.running) +
                       " running, " + std::to_string(total - ended - map.running) + " open.");
    std::size_t told = 0;
    for (std::uint32_t i = 0; i < total && told < kNamedMax; ++i) {
      const auto status = map.units[i].status;
      if (status == NodeStatus::waiting || status == NodeStatus::completed) continue;
      explain_unit(findings_, {ref_.node, i}, depth_ + 1);
      ++told;
    }
  }

  void completed() {
    if (const auto* event = findings_.last<NodeInherited>(ref_)) {
      const auto& inherited = std::get<NodeInherited>(event->event);
      const std::string from = inherited.origin ? "run " + inherited.origin->run.str() + " at its event " +
                                                      std::to_string(inherited.origin->seq)
                                                : std::string("a checkpoint file");
      say("inherited",
          name_ + " did not run: its result was taken over from " + from +
              (inherited.edited ? ", and changed by a person (--set)." : "."),
          event);
    } else {
      const auto* done = findings_.last<NodeCompleted>(ref_);
      say("completed",
          name_ + " is completed, by attempt " + std::to_string(unit_.attempt) +
              (done != nullptr ? on_machine(std::get<NodeCompleted>(done->event).made_by) : "") +
              (done != nullptr ? " at " + moment(done->at) : "") + ".",
          done);
      attempts();
    }
    findings_.step(Remedy::result, UnitRef{ref_.node, std::nullopt});
  }

  void skipped() {
    const auto* event = findings_.last<NodeSkipped>(ref_);
    const auto* skip = event != nullptr ? std::get_if<NodeSkipped>(&event->event) : nullptr;
    if (skip != nullptr && skip->reason == SkipReason::dependency && skip->because) {
      const auto cause = index_of_node(state_, *skip->because);
      say("dependency",
          name_ + " was skipped because '" + skip->because->str() + "' " +
              (state_.nodes[cause].status == NodeStatus::failed ? "failed, and says on_error: skip_dependents."
                                                                : "was skipped."),
          event);
      return explain_unit(findings_, {cause, std::nullopt}, depth_ + 1);
    }
    const bool by_skip_if = node_.skip_if && (!node_.when || !when_failed());
    if (skip != nullptr && skip->reason == SkipReason::loop_done)
      say("loop_done",
          name_ + " was not needed: an earlier attempt of " +
              (node_.loop ? "loop '" + node_.loop->loop + "'" : std::string("its loop")) + " met the condition.",
          event);
    else
      say("condition", name_ + " was skipped: its " + (by_skip_if ? "`skip_if` holds." : "`when` does not hold."),
          event);
    if (by_skip_if)
      explain_condition(findings_, *node_.skip_if, true, depth_ + 1);
    else if (node_.when)
      explain_condition(findings_, *node_.when, false, depth_ + 1);
  }

 private:
  /// What was last said of a place for this very attempt; that it found one is said by nobody before it ends.
  void place() {
    const auto* event = findings_.last<NodeWaitsForPlace>(ref_);
    if (event == nullptr) return;
    const auto& waits = std::get<NodeWaitsForPlace>(event->event);
    if (waits.attempt != unit_.attempt) return;
    findings_.add(depth_ + 1, "place",
                  name_ + " had no machine to be made on at " + moment(event->at) + ": " + waits.reason +
                      ". Nothing else was recorded of it since: it waits, or has found one.",
                  ref_, event);
  }

  void say(const std::string& kind, const std::string& text, const Recorded* event = nullptr) {
    findings_.add(depth_, kind, text, ref_, event);
  }
  void more(const std::string& kind, const std::string& text) { findings_.add(depth_ + 1, kind, text, ref_); }
  void attempts() { explain_attempts(findings_, ref_, depth_ + 1); }

  /// The run; where the run is what was asked about, it has been explained.
  void explain_whole() {
    if (depth_ == 0) explain_run(findings_, depth_ + 1);
  }

  template <class List>
  static std::string joined(const List& names) {
    std::string text;
    for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
  }

  [[nodiscard]] bool when_failed() const { return !holds(state_, *node_.when); }

  void not_run() {
    say("not_run", name_ + (unit_.attempt == 0 ? " was never started" : " was stopped") + ": the run ended first.");
    attempts();
    explain_whole();
  }

  void item_not_started() {
    const auto& map = *state_.nodes[ref_.node].map;
    const UnitRef whole{ref_.node, std::nullopt};
    if (has_ended(state_.nodes[ref_.node].status)) {
      say("not_run",
          name_ + " was never started: too many items had failed for " + findings_.quoted(whole) + " to succeed.");
      return explain_unit(findings_, whole, depth_ + 1);
    }
    if (is_terminal(state_)) return not_run();
    const auto limit = node_.map->parallel;
    say("waiting", name_ + " has not started: items start in order, and " + std::to_string(map.next) +
                       " have been started" +
                       (limit > 0 ? "; at most " + std::to_string(limit) + " run at once (parallel)." : "."));
    explain_unit(findings_, whole, depth_ + 1);
  }

  [[nodiscard]] std::vector<UnitRef> in_flight() const {
    return units_where(state_, [](const UnitRef&, const UnitState& unit) { return is_in_flight(unit); });
  }

  /// True if the lane is why the node waits.
  bool lane() {
    const auto found = state_.lanes.find(node_.lane);
    if (found == state_.lanes.end() || found->second.head == ref_.node) return false;
    for (NodeIndex i = 0; i < state_.nodes.size(); ++i) {
      const auto& other = state_.nodes[i];
      if (i == ref_.node || state_.plan->nodes[i].lane != node_.lane) continue;
      const bool takes = is_in_flight(other) || other.status == NodeStatus::mapping;
      if (!takes && found->second.head != i) continue;
      say("lane", name_ + " is ready, but its lane '" + node_.lane + "', where nodes run one at a time, is for '" +
                      state_.plan->nodes[i].id.str() + "' now.");
      explain_unit(findings_, {i, std::nullopt}, depth_ + 1);
      return true;
    }
    return false;
  }

  /// What the open predecessors wait for in the end, and by way of which nodes.
  void blockers() {
    std::vector<std::optional<NodeIndex>> after(state_.nodes.size());
    std::vector<NodeIndex> queue{ref_.node};
    std::vector<UnitRef> roots;
    for (std::size_t at = 0; at < queue.size(); ++at) {
      for (const auto before : state_.plan->nodes[queue[at]].predecessors) {
        const auto status = state_.nodes[before].status;
        if (has_ended(status) || after[before]) continue;
        after[before] = queue[at];
        if (status == NodeStatus::waiting)
          queue.push_back(before);
        else
          roots.push_back({before, std::nullopt});
      }
    }
    for (std::size_t i = 0; i < roots.size() && i < kNamedMax; ++i) {
      auto depth = depth_ + 1;
      std::vector<UnitRef> way;
      for (auto next = after[roots[i].node]; next && *next != ref_.node; next = after[*next])
        way.push_back({*next, std::nullopt});
      if (!way.empty())
        findings_.add(depth++, "blocker",
                      findings_.quoted(roots[i]) + " holds it up, by way of " + named(state_, way) + ".", roots[i]);
      explain_unit(findings_, roots[i], depth);
    }
    if (roots.size() > kNamedMax) more("more", std::to_string(roots.size() - kNamedMax) + " more hold it up.");
  }

  Findings& findings_;
  const RunState& state_;
  UnitRef ref_;
  std::uint32_t depth_;
  const UnitState& unit_;
  const workflow::PlanNode& node_;
  std::string name_;
};

}  // namespace

void explain_unit(Findings& findings, const UnitRef& ref, std::uint32_t depth) {
  if (!findings.begin(ref)) return;
  UnitAnswer answer(findings, ref, depth);
  switch (find_unit(findings.state, ref.node, ref.item)->status) {
    case NodeStatus::waiting:
      return answer.waiting();
    case NodeStatus::ready:
      return answer.ready();
    case NodeStatus::held:
      return answer.held();
    case NodeStatus::running:
    case NodeStatus::expanding:
      return answer.running();
    case NodeStatus::mapping:
      return answer.mapping();
    case NodeStatus::retrying:
      return answer.retrying();
    case NodeStatus::lost:
      return answer.lost();
    case NodeStatus::asking:
    case NodeStatus::listening:
      return answer.talking();
    case NodeStatus::failing:
    case NodeStatus::failed:
      return explain_failure(findings, ref, depth);
    case NodeStatus::completed:
      return answer.completed();
    case NodeStatus::skipped:
      return answer.skipped();
  }
}

}  // namespace hillstar::run
