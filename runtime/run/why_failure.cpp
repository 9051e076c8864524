// SPDX-License-Identifier: Apache-2.0
// why(): what attempts came to, why another one was made, and why none is made any more.
#include <algorithm>

#include "messages/json_codec.hpp"
#include "runtime/policy/retry.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/units.hpp"
#include "runtime/run/why_findings.hpp"

namespace hillstar::run {
namespace {

std::string attempt_of(std::uint32_t attempt, const std::optional<MadeBy>& who) {
  return std::to_string(attempt) + on_machine(who);
}

/// What one event says about an attempt; empty if it says nothing of that.
std::string told(const NodeAttemptFailed& event) {
  std::string text = "Attempt " + attempt_of(event.attempt, event.made_by) + " failed: " + words_of(event.failure);
  if (event.repair) return text + "; the model was asked to mend its reply.";
  if (event.next_provider) return text + "; the next attempt went to " + *event.next_provider + " (fallback).";
  if (event.retry_at) return text + "; tried again from " + moment(*event.retry_at) + " on (retry).";
  return text + ".";
}
std::string told(const NodeAttemptLost& event) {
  return "Nobody saw the end of attempt " + attempt_of(event.attempt, event.made_by) +
         (event.made_by ? ": that machine ended before, or did not come back in time."
                        : ": the process that drove the run, or what it drove, ended before.");
}
std::string told(const NodeCancelled& event) {
  return "Attempt " + attempt_of(event.attempt, event.made_by) +
         (event.unsent ? " was not made: nothing was sent." : " was stopped, since the run was paused or cancelled.");
}
std::string told(const NodeResolved& event) {
  return event.who + " settled lost attempt " + std::to_string(event.attempt) + " as " +
         (event.settlement == Settlement::run_again ? "to be run again" : "failed") +
         (event.reason.empty() ? "." : ": " + event.reason);
}
std::string told(const ApprovalAnswered& event) {
  return event.who + (event.approved ? " approved it" : " rejected it") +
         (event.reason.empty() ? "." : ": " + event.reason);
}
template <class Other>
std::string told(const Other&) {
  return {};
}

/// Who may change what made a failure of that kind, and where; empty: its message says it.
std::string mend_of(FailureClass kind, const workflow::PlanNode& node) {
  switch (kind) {
    case FailureClass::permission:
      if (node.permission == workflow::Permission::never)
        return "permissions." + node.id.str() + " of the workflow says never; its author may change that.";
      return "Permissions of the workflow, its sandbox and the policy files decide that; `show --rules` prints them.";
    case FailureClass::timeout:
      return node.start_to_close
                 ? "An attempt may take " + std::to_string(node.start_to_close->count()) + " ms (timeout of the node)."
                 : std::string();
    case FailureClass::auth:
      return "The provider does not take the key; `providers test` tries it.";
    case FailureClass::quota:
      return "The account at the provider has nothing left.";
    default:
      return {};
  }
}

/// The last attempt that failed, if nothing was to follow it.
const NodeAttemptFailed* last_failed(const Findings& findings, const UnitRef& unit) {
  const auto* event = findings.last<NodeAttemptFailed>(unit);
  return event != nullptr ? &std::get<NodeAttemptFailed>(event->event) : nullptr;
}

/// Why no attempt followed the last one: the retry policy, and other places.
void explain_no_retry(Findings& findings, const UnitRef& ref, std::uint32_t depth) {
  const auto& state = findings.state;
  const auto& node = state.plan->nodes[ref.node];
  const auto& unit = *find_unit(state, ref.node, ref.item);
  const auto* failed = last_failed(findings, ref);
  if (failed == nullptr) return;
  const auto& policy = node.retry;
  std::string text;
  if (unit.counted >= policy.attempts) {
    text = policy.attempts <= 1
               ? "No retry: its retry policy allows one attempt."
               : "No further attempt: all " + std::to_string(policy.attempts) + " of its retry policy are used up.";
  } else if (!policy::next_delay(policy, unit.counted, failed->failure, 0)) {
    text = "No retry: failures of class " + std::string(json::enum_name(failed->failure.kind)) +
           (policy.on.empty() ? " do not pass by themselves." : " are not among its retry.on.");
  } else {
    text = "No retry, though its retry policy had some left: the run was ending already.";
  }
  if (unit.call) {
    text += unit.call->candidate > 0
                ? " It had gone on to place " + std::to_string(unit.call->candidate + 1) + " of those it may go to."
                : " No other place was tried.";
  }
  findings.add(depth, "retry_policy", text, ref);
}

/// What the failure of a node means for the others.
std::string meaning_of(const RunState& state, NodeIndex index) {
  const auto& node = state.plan->nodes[index];
  switch (node.on_error) {
    case workflow::OnError::fail:
      if (state.first_failed && *state.first_failed != index)
        return "It would make the run fail (on_error: fail), but '" + state.plan->nodes[*state.first_failed].id.str() +
               "' did so before.";
      return "Its failure makes the run fail (on_error: fail).";
    case workflow::OnError::proceed:
      return "The run goes on with its failed result (on_error: continue).";
    case workflow::OnError::skip_dependents:
      return "What depends on it is skipped (on_error: skip_dependents).";
  }
  return {};
}

void explain_failed_items(Findings& findings, NodeIndex node, std::uint32_t depth) {
  const auto& map = *findings.state.nodes[node].map;
  std::size_t told = 0;
  for (std::uint32_t i = 0; i < map.units.size(); ++i) {
    if (map.units[i].status != NodeStatus::failed) continue;
    if (++told <= kNamedMax) explain_failure(findings, {node, i}, depth);
  }
  if (told > kNamedMax)
    findings.add(depth, "more", counted(told - kNamedMax, "more item") + " failed.", UnitRef{node, std::nullopt});
}

}  // namespace

void explain_attempts(Findings& findings, const UnitRef& unit, std::uint32_t depth) {
  struct Line {
    const Recorded* event;
    std::string text;
  };
  std::vector<Line> lines;
  for (const auto* event : findings.of(unit)) {
    auto text = std::visit([](const auto& e) { return told(e); }, event->event);
    if (!text.empty()) lines.push_back({event, std::move(text)});
  }
  const std::size_t first = lines.size() > kNamedMax ? lines.size() - kNamedMax : 0;
  if (first > 0) findings.add(depth, "more", counted(first, "earlier event") + " of its attempts.", unit);
  for (auto i = first; i < lines.size(); ++i)
    findings.add(depth, std::string(type_name(lines[i].event->event)), lines[i].text, unit, lines[i].event);
}

void explain_failure(Findings& findings, const UnitRef& ref, std::uint32_t depth) {
  const auto& state = findings.state;
  const auto& node = state.plan->nodes[ref.node];
  const auto& unit = *find_unit(state, ref.node, ref.item);
  const auto failure = unit.failure.value_or(Failure{});
  const UnitRef whole{ref.node, std::nullopt};
  findings.add(depth, "failed",
               findings.quoted(ref) + " failed" +
                   (unit.attempt > 0 ? " after " + counted(unit.attempt, "attempt") : " without an attempt") + ": " +
                   words_of(failure) + ".",
               ref, findings.last<NodeFailed>(ref));
  if (auto mend = mend_of(failure.kind, node); !mend.empty()) findings.add(depth + 1, "mend", std::move(mend), ref);
  if (state.nodes[ref.node].map && !ref.item) {
    explain_failed_items(findings, ref.node, depth + 1);
  } else {
    // A single attempt that failed has been told: its failure is the node's.
    if (unit.attempt != 1 || unit.lost > 0) explain_attempts(findings, ref, depth + 1);
    // Of a map's items each would say the same.
    if (!ref.item || depth == 0) explain_no_retry(findings, ref, depth + 1);
  }
  if (ref.item) return;
  findings.add(depth + 1, "on_error", meaning_of(state, ref.node), ref);
  if (unit.attempt > 0) findings.step(Remedy::log, whole);
  findings.step(Remedy::run_again_from, whole);
}

}  // namespace hillstar::run
