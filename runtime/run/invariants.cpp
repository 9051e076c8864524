// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/invariants.hpp"

#include <algorithm>

#include "messages/json_codec.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/talk.hpp"
#include "runtime/run/units.hpp"
#include "runtime/run/view.hpp"

namespace hillstar::run {
namespace {

class Check {
 public:
  explicit Check(const RunState& state) : state_(state), plan_(*state.plan) {}

  std::vector<std::string> run(bool settled) {
    for (NodeIndex i = 0; i < state_.nodes.size(); ++i) node(i);
    expect(state_.reserved == reserved_, "reserved sums what the calls in flight may cost");
    expect(state_.spent >= state_.usage.cost, "what is spent includes what was told");
    expect(state_.running == running_, "running counts the attempts in flight");
    expect(state_.retrying == retrying_, "retrying counts the armed timers");
    expect(state_.held == held_, "held counts the open approvals");
    expect(state_.talking == talking_, "talking counts the units that ask or listen");
    expect(state_.retries.size() == retrying_, "each armed timer has its time");
    talk();
    expect(state_.open_nodes == open_, "open_nodes counts the nodes without an end");
    expect(state_.running - state_.children <= plan_.max_concurrency,
           "no more attempts are in flight than max_concurrency");
    for (const auto& [lane, count] : lanes_) expect(count <= 1, "attempts of lane '" + lane + "' overlap");
    if (is_terminal(state_)) expect(running_ == 0, "nothing is in flight in a terminal run");
    if (settled) at_rest();
    return std::move(broken_);
  }

 private:
  void expect(bool holds, const std::string& sentence) {
    if (!holds) broken_.push_back(sentence);
  }

  void node(NodeIndex i) {
    const auto& now = state_.nodes[i];
    const auto& name = plan_.nodes[i].id.str();
    count(now);
    clock({i, std::nullopt}, now);
    held_ += now.status == NodeStatus::held ? 1 : 0;
    open_ += has_ended(now.status) ? 0 : 1;
    if (is_in_flight(now) || now.status == NodeStatus::mapping)
      if (!plan_.nodes[i].lane.empty()) ++lanes_[plan_.nodes[i].lane];
    if (now.attempt > 0)
      for (const auto p : plan_.nodes[i].predecessors)
        expect(has_ended(state_.nodes[p].status),
               "'" + name + "' was scheduled before '" + plan_.nodes[p].id.str() + "' ended");
    if (now.map) items(i, *now.map);
  }

  void items(NodeIndex i, const MapState& map) {
    std::uint32_t running = 0;
    std::uint32_t succeeded = 0;
    std::uint32_t failed = 0;
    for (std::uint32_t item = 0; item < map.units.size(); ++item) {
      const auto& unit = map.units[item];
      count(unit);
      running += is_in_flight(unit) ? 1 : 0;
      succeeded += unit.status == NodeStatus::completed ? 1 : 0;
      failed += unit.status == NodeStatus::failed ? 1 : 0;
      const bool begun = unit.attempt > 0 || unit.overdue || waits_to_be_told(plan_.nodes[i]);
      expect(begun == (item < map.next), "items before `next`, and only they, were begun");
      clock({i, item}, unit);
    }
    const auto& name = plan_.nodes[i].id.str();
    expect(map.running == running, "'" + name + "' counts its running items");
    expect(map.succeeded == succeeded && map.failed == failed, "'" + name + "' counts its ended items");
    const auto parallel = plan_.nodes[i].map->parallel;
    expect(parallel == 0 || running <= parallel, "'" + name + "' runs no more items than `parallel`");
  }

  void count(const UnitState& unit) {
    running_ += is_in_flight(unit) ? 1 : 0;
    if (unit.call && (is_in_flight(unit) || unit.call->kept)) reserved_ += unit.call->reserved.cost;
    retrying_ += unit.status == NodeStatus::retrying ? 1 : 0;
    talking_ += is_told_of(unit.status) ? 1 : 0;
    timed_ += unit.ends_by ? 1 : 0;
    expect(unit.lost <= kLostMax, "no unit loses more attempts than the limit");
  }

  void clock(const UnitRef& ref, const UnitState& unit) {
    if (unit.ends_by)
      expect(!has_ended(unit.status) && !has_ended(state_.nodes[ref.node].status) && !unit.overdue &&
                 state_.deadlines.contains({*unit.ends_by, ref}),
             "a clock runs for units that have not ended, and is among the deadlines");
  }

  void talk() {
    const auto& talk = state_.talk;
    expect(state_.deadlines.size() == timed_, "each deadline is a unit's");
    std::size_t waiting = talk.asked.size();
    for (const auto& [name, units] : talk.listeners) {
      waiting += units.size();
      expect(talk.signals.find(name) == talk.signals.end(), "nobody listens for a signal that is kept");
    }
    for (const auto& [ref, value] : talk.told) waiting += listens(plan_.nodes[ref.node]) ? 1 : 0;
    expect(waiting == talking_, "whoever asks or listens is known by name");
    std::uint64_t bytes = 0;
    std::uint32_t kept = static_cast<std::uint32_t>(talk.answers.size());
    for (const auto& [request, value] : talk.answers) bytes += value.json.text().size();
    for (const auto& [name, values] : talk.signals) {
      kept += static_cast<std::uint32_t>(values.size());
      for (const auto& value : values) bytes += value.json.text().size();
    }
    expect(talk.kept == kept && talk.kept_bytes == bytes, "kept counts what nobody has taken");
    expect(kept <= kKeptMax && bytes <= kKeptBytesMax + kToldBytesMax, "no more is kept than the limits say");
    for (const auto& [request, ref] : talk.asked)
      expect(!talk.answers.contains(request), "no question is open that has its answer");
  }

  /// P8: whatever has no end has an owner, a timer or a person it waits for.
  void at_rest() {
    expect(advance(state_).empty(), "a settled state has nothing to advance");
    if (is_terminal(state_) || state_.status == RunStatus::created) return;
    const bool moves = running_ > 0 || (retrying_ > 0 && state_.status == RunStatus::running);
    expect(moves || waits_for_person(state_), "a run that is not terminal moves, or waits for a person");
  }

  const RunState& state_;
  const workflow::Plan& plan_;
  std::vector<std::string> broken_;
  std::map<std::string, int> lanes_;
  MicroUsd reserved_;
  std::uint32_t running_ = 0;
  std::uint32_t retrying_ = 0;
  std::uint32_t held_ = 0;
  std::uint32_t talking_ = 0;
  std::uint32_t timed_ = 0;
  std::uint32_t open_ = 0;
};

void append(std::string& out, const UnitState& unit) {
  out += status_name(unit.status);
  out += " attempt=" + std::to_string(unit.attempt) + " counted=" + std::to_string(unit.counted) +
         " lost=" + std::to_string(unit.lost) + " retry_at=" + std::to_string(unit.retry_at.micros) + " result=";
  json::write(out, unit.result);
  if (unit.call) {
    out += " candidate=" + std::to_string(unit.call->candidate) + " repairs=" + std::to_string(unit.call->repairs) +
           " spent=" + to_dollars(unit.call->spent) + " ";
    json::write(out, unit.call->reserved);
    if (unit.call->rejected) json::write(out, *unit.call->rejected);
  }
  if (unit.failure) json::write(out, *unit.failure);
  if (unit.ends_by) out += " ends_by=" + std::to_string(unit.ends_by->micros);
  if (unit.overdue) out += " overdue";
}

template <class Set>
void append(std::string& out, std::string_view name, const Set& numbers) {
  out += "\n";
  out += name;
  for (const auto number : numbers) out += " " + std::to_string(number);
}

}  // namespace

std::vector<std::string> violations(const RunState& state, bool settled) { return Check(state).run(settled); }

std::string to_text(const RunState& state) {
  std::string out = "run " + std::to_string(static_cast<int>(state.status)) +
                    " version=" + std::to_string(state.version) + " running=" + std::to_string(state.running) +
                    " retrying=" + std::to_string(state.retrying) + " held=" + std::to_string(state.held) +
                    " open=" + std::to_string(state.open_nodes) + " failed=" + std::to_string(state.failed_nodes) +
                    " interrupted=" + std::to_string(state.interrupted) + " reason=" + state.reason +
                    " updated=" + std::to_string(state.updated_at.micros) + "\n";
  json::write(out, state.started);
  json::write(out, state.usage);
  out += " spent=" + to_dollars(state.spent) + " reserved=" + to_dollars(state.reserved);
  if (state.budget) out += " budget=" + to_dollars(*state.budget);
  if (state.failure) json::write(out, *state.failure);
  for (const auto& node : state.nodes) {
    out += "\n";
    append(out, node);
    out += " open=" + std::to_string(node.open_predecessors) + " approved=" + std::to_string(node.approved);
    for (const bool test : node.tests) out += test ? " T" : " F";
    if (!node.map) continue;
    out += " next=" + std::to_string(node.map->next) + " retrying=" + std::to_string(node.map->retrying);
    append(out, " again", node.map->again);
    for (const auto& unit : node.map->units) {
      out += "\n  ";
      append(out, unit);
    }
  }
  append(out, "ready", state.ready);
  append(out, "to_skip", state.to_skip);
  append(out, "to_refuse", state.to_refuse);
  append(out, "to_ask", state.to_ask);
  append(out, "to_checkpoint", state.to_checkpoint);
  append(out, "maps_ended", state.maps_ended);
  append(out, "unmet_loops", state.unmet_loops);
  append(out, "open_judges", state.open_judges);
  for (const auto& [lane, now] : state.lanes) append(out, "lane " + lane + (now.busy ? " busy" : " free"), now.waiting);
  out += "\ntalk kept=" + std::to_string(state.talk.kept) + " children=" + std::to_string(state.children) +
         " truncated=" + std::to_string(state.truncated) + " deadlines=" + std::to_string(state.deadlines.size());
  for (const auto& [request, ref] : state.talk.asked) out += " asked " + request;
  for (const auto& [request, value] : state.talk.answers) out += " answer " + request + "=" + value.json.text();
  for (const auto& request : state.talk.answered) out += " answered " + request;
  for (const auto& [name, units] : state.talk.listeners) out += " " + std::to_string(units.size()) + " listen " + name;
  for (const auto& [name, values] : state.talk.signals)
    for (const auto& value : values) out += " signal " + name + "=" + value.json.text();
  for (const auto& key : state.talk.keys) out += " key " + key;
  for (const auto& [key, cell] : state.cells.all()) {
    out += "\ncell ";
    json::write(out, cell);
  }
  out += "\nfailing " + std::to_string(state.failing.size()) + " lost " + std::to_string(state.lost.size()) +
         " doomed " + std::to_string(state.doomed.size());
  return out;
}

}  // namespace hillstar::run
