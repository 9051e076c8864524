// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/live_run.hpp"

#include <fmt/format.h>

#include <type_traits>

#include "apps/cli/text.hpp"
#include "messages/json_codec.hpp"
#include "runtime/policy/budget.hpp"
#include "runtime/run/run.hpp"

namespace hillstar::cli {
namespace {

constexpr std::size_t kMessageColumns = 160;

template <class E>
std::optional<Unit> ended_unit(const E& event) {
  if constexpr (std::is_same_v<E, NodeCompleted> || std::is_same_v<E, NodeAttemptFailed> ||
                std::is_same_v<E, NodeAttemptLost> || std::is_same_v<E, NodeCancelled>)
    return Unit{event.node, event.item};
  else if constexpr (std::is_same_v<E, MapExpanded>)
    return Unit{event.node, std::nullopt};
  else
    return std::nullopt;
}

std::string said_by(const std::string& who, const std::string& reason) {
  std::string text = who.empty() ? std::string() : " by " + who;
  if (!reason.empty()) text += ": " + one_line(reason, kMessageColumns);
  return text;
}

std::string took_text(const LiveRun& live) { return live.took ? " " + duration(*live.took) : std::string(); }

std::string failure_text(const Failure& failure) {
  return fmt::format("{}: {}", json::enum_name(failure.kind), one_line(failure.message, kMessageColumns));
}

/// ` on lab2`, ` on slurm, job 17`; empty: the host made it.
std::string machine_text(const std::optional<MadeBy>& who) {
  if (!who) return {};
  return " on " + one_line(who->worker, kMessageColumns) + (who->job ? ", job " + *who->job : "");
}

/// The part after `[3/12] `.
struct Words {
  const LiveRun& live;
  UtcTime at;

  std::optional<std::string> operator()(const NodeCompleted& e) const {
    return to_string(Unit{e.node, e.item}) + " completed" + machine_text(e.made_by) + took_text(live);
  }
  std::optional<std::string> operator()(const NodeAttemptFailed& e) const {
    const auto failed = fmt::format("{} attempt {} failed, ", to_string(Unit{e.node, e.item}), e.attempt);
    if (e.repair) return failed + "asks for a reply that fits: " + failure_text(e.failure);
    if (e.next_candidate)
      return failed + "goes on with " + e.next_provider.value_or("another provider") + ": " + failure_text(e.failure);
    if (!e.retry_at) return std::nullopt;  // NodeFailed follows and says it
    return fmt::format("{}again in {}: {}", failed, duration(*e.retry_at - at), failure_text(e.failure));
  }
  std::optional<std::string> operator()(const NodeFailed& e) const {
    return to_string(Unit{e.node, e.item}) + " failed" + took_text(live) + ": " + failure_text(e.failure);
  }
  std::optional<std::string> operator()(const NodeSkipped& e) const {
    std::string text = e.node.str() + " skipped (";
    switch (e.reason) {
      case SkipReason::loop_done:
        text += "loop is done";
        break;
      case SkipReason::condition:
        text += "condition";
        break;
      case SkipReason::dependency:
        text += "needs " + (e.because ? e.because->str() : "a failed node");
        break;
    }
    return text + ")";
  }
  std::optional<std::string> operator()(const NodeInherited& e) const {
    return e.node.str() + (e.edited ? " taken over, edited" : " taken over");
  }
  std::optional<std::string> operator()(const MapExpanded& e) const {
    return fmt::format("{} has {} items", e.node.str(), e.count);
  }
  std::optional<std::string> operator()(const NodeAttemptLost& e) const {
    return fmt::format("{} attempt {}{} was lost: nobody saw its end", to_string(Unit{e.node, e.item}), e.attempt,
                       machine_text(e.made_by));
  }
  std::optional<std::string> operator()(const NodeWaitsForPlace& e) const {
    return to_string(Unit{e.node, e.item}) + " waits for a machine: " + one_line(e.reason, kMessageColumns);
  }
  std::optional<std::string> operator()(const NodeCancelled& e) const {
    return to_string(Unit{e.node, e.item}) + " stopped" + took_text(live);
  }
  std::optional<std::string> operator()(const NodeResolved& e) const {
    return fmt::format("{} settled as {}{}", to_string(Unit{e.node, e.item}),
                       e.settlement == Settlement::run_again ? "run-again" : "failed", said_by(e.who, e.reason));
  }
  std::optional<std::string> operator()(const LoopExhausted& e) const {
    return fmt::format("loop {} used up its {} attempts", e.loop, e.attempts);
  }
  std::optional<std::string> operator()(const CheckpointReached& e) const { return "checkpoint " + e.node.str(); }
  std::optional<std::string> operator()(const ApprovalRequested& e) const {
    std::string text = e.node.str() + " waits for approval";
    if (e.approvals) text += fmt::format(" by {} different people", *e.approvals);
    return e.prompt.empty() ? text : text + ": " + one_line(e.prompt, kMessageColumns);
  }
  std::optional<std::string> operator()(const ApprovalAnswered& e) const {
    return e.node.str() + (e.approved ? " approved" : " rejected") + said_by(e.who, e.reason);
  }
  std::optional<std::string> operator()(const BudgetExhausted& e) const { return policy::describe(e); }
  std::optional<std::string> operator()(const RunPaused& e) const { return "run paused" + said_by({}, e.reason); }
  std::optional<std::string> operator()(const RunResumed& e) const { return "run resumed" + said_by(e.who, {}); }
  std::optional<std::string> operator()(const CancelRequested& e) const {
    return "cancel asked" + said_by(e.who, e.reason);
  }
  // RunStarted, NodeScheduled, and the run's end, which the summary tells.
  template <class Other>
  std::optional<std::string> operator()(const Other&) const {
    return std::nullopt;
  }
};

}  // namespace

std::string to_string(const Unit& unit) {
  const std::string name = one_line(unit.node.str(), 60);
  return unit.item ? fmt::format("{}[{}]", name, *unit.item) : name;
}

void LiveRun::observe(const Recorded& recorded) {
  took.reset();
  if (const auto* scheduled = std::get_if<NodeScheduled>(&recorded.event))
    running[{scheduled->node, scheduled->item}] = Attempt{recorded.at, scheduled->attempt, {}};
  if (const auto unit = std::visit([](const auto& event) { return ended_unit(event); }, recorded.event)) {
    if (const auto found = running.find(*unit); found != running.end()) {
      took = recorded.at - found->second.since;
      running.erase(found);
    }
  }
  run::evolve(state, recorded.event, recorded.at);
}

void LiveRun::stream(const Unit& unit, std::uint32_t attempt, std::string_view text) {
  const auto found = running.find(unit);
  if (found == running.end() || found->second.attempt != attempt) return;
  auto& tail = found->second.tail;
  tail.append(text.substr(text.size() > kTailBytesMax ? text.size() - kTailBytesMax : 0));
  if (tail.size() > kTailBytesMax) tail.erase(0, tail.size() - kTailBytesMax);
}

std::pair<std::uint32_t, std::uint32_t> progress_of(const run::RunState& state) {
  const auto all = static_cast<std::uint32_t>(state.nodes.size());
  return {all - state.open_nodes, all};
}

std::optional<std::string> progress_line(const LiveRun& live, const Recorded& recorded) {
  auto words = std::visit(Words{live, recorded.at}, recorded.event);
  if (!words) return std::nullopt;
  const auto [done, all] = progress_of(live.state);
  const auto width = fmt::format("{}", all).size();
  return fmt::format("[{:>{}}/{}] {}", done, width, all, *words);
}

}  // namespace hillstar::cli
