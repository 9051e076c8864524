// SPDX-License-Identifier: Apache-2.0
// What the simulated world tells a run, and what it holds the run to: nothing that was accepted is lost, nothing is
// taken twice, signals are taken in order of arrival, and whose time is over starts nothing more.
#include "runtime/run/talk.hpp"
#include "runtime/run/units.hpp"
#include "tests/simulation/world.hpp"

namespace hillstar::simulation {

using namespace run;

namespace {
std::int64_t item_of(std::optional<std::uint32_t> item) { return item ? std::int64_t{*item} : -1; }
}  // namespace

bool World::talk(bool needed) {
  const Value value{{}, Json::from_canonical(std::to_string(++serial_))};
  const auto& talk = state_.talk;
  const bool asks_now = !talk.asked.empty();
  if (needed && !talk.listeners.empty() && (!asks_now || chance(500))) {
    SignalGiven given{talk.listeners.begin()->first, value, std::nullopt, "test"};
    if (chance(300)) given.key = std::to_string(roll(8));
    tell({UtcTime{now_}, 0, given});
    return true;
  }
  if (needed && asks_now) {
    auto open = talk.asked.begin();
    std::advance(open, roll(static_cast<unsigned>(talk.asked.size())));
    const bool fits = chance(800);
    tell({UtcTime{now_}, 0, InputGiven{open->first, fits ? value : Value{{}, Json::string("no number")}, "test"}});
    return true;
  }
  if (needed) return false;
  const auto node = roll(static_cast<unsigned>(state_.nodes.size()));
  const auto& planned = state_.plan->nodes[node];
  if (listens(planned)) {
    SignalGiven given{signal_of(planned), value, std::nullopt, "test"};
    if (chance(700)) given.key = std::to_string(roll(8));
    tell({UtcTime{now_}, 0, given});
    if (chance(200)) late_.push_back({UtcTime{now_}, 0, given});
    return true;
  }
  if (!asks(planned)) return false;
  const auto item = planned.map ? std::optional<std::uint32_t>(roll(6)) : std::nullopt;
  const InputGiven given{request_of(planned, item), value, "test"};
  tell({UtcTime{now_}, 0, given});
  if (chance(200)) late_.push_back({UtcTime{now_}, 0, given});
  return true;
}

void World::check_talk(const Event& event) {
  if (const auto* signal = std::get_if<SignalReceived>(&event)) {
    if (signal->key && !keys_.insert(signal->name + " " + *signal->key).second) fail("a key counts twice");
    signals_[signal->name].push_back(signal->payload.json.text());
  } else if (const auto* answer = std::get_if<InputProvided>(&event)) {
    if (!answers_.emplace(answer->request, answer->value.json.text()).second) fail("a question is answered twice");
    if (answer->value.json.text().front() == '"') fail("an answer is taken that does not fit");
  } else if (const auto* asked = std::get_if<InputRequested>(&event)) {
    if (!asked_.insert({index_of_node(state_, asked->node), item_of(asked->item)}).second)
      fail("a question is asked twice");
  } else if (const auto* late = std::get_if<NodeDeadlinePassed>(&event)) {
    const auto node = index_of_node(state_, late->node);
    if (!overdue_.insert({node, item_of(late->item)}).second) fail("the time of a unit is over twice");
    if (asks(state_.plan->nodes[node]) && asked_.contains({node, item_of(late->item)}) &&
        answers_.contains(request_of(state_.plan->nodes[node], late->item)))
      fail("the time of a question is over although it was answered");
  } else if (const auto* scheduled = std::get_if<NodeScheduled>(&event)) {
    const Unit unit{index_of_node(state_, scheduled->node), item_of(scheduled->item)};
    const auto& planned = state_.plan->nodes[unit.first];
    if (overdue_.contains(unit)) fail("a unit is scheduled whose time is over");
    if (waits_to_be_told(planned) && !(planned.map && !scheduled->item)) fail("an attempt of a question is made");
  } else if (const auto* completed = std::get_if<NodeCompleted>(&event)) {
    check_told(*completed);
  }
}

void World::check_told(const NodeCompleted& event) {
  const auto& planned = state_.plan->nodes[index_of_node(state_, event.node)];
  if (!waits_to_be_told(planned) || (planned.map && !event.item)) return;
  ++told_;
  std::string expected;
  if (asks(planned)) {
    const auto answer = answers_.find(request_of(planned, event.item));
    if (answer == answers_.end()) fail("a question completes that nobody answered");
    expected = answer->second;
  } else {
    auto& waiting = signals_[signal_of(planned)];
    if (waiting.empty()) fail("a signal is taken that nobody gave");
    expected = waiting.front();
    waiting.pop_front();
  }
  if (event.result.json.text() != R"({"output":)" + expected + "}") fail("a node is told something else than was said");
}

}  // namespace hillstar::simulation
