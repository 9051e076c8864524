// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/talk.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <utility>

#include "runtime/policy/json_schema.hpp"
#include "runtime/run/moves.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/units.hpp"
#include "runtime/run/view.hpp"
#include "runtime/workflow/references.hpp"

namespace hillstar::run {
namespace {

/// `parameters.<name>`, or `fallback`.
std::string parameter(const workflow::PlanNode& node, const char* name, const std::string& fallback) {
  const auto parameters = node.parameters.value();
  const auto* value = json::member(parameters, name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : fallback;
}

Json schema_of(const workflow::PlanNode& node) {
  const auto parameters = node.parameters.value();
  const auto* schema = json::member(parameters, "schema");
  return schema == nullptr ? Json() : Json::of(*schema);
}

/// `{"output": <value>}`; what lies in blobs keeps its place in it.
Value as_result(const Value& value) {
  Value result;
  result.json = Json::from_canonical(R"({"output":)" + value.json.text() + "}");
  for (auto blob : value.blobs) {
    blob.at = "/output" + blob.at;
    result.blobs.push_back(std::move(blob));
  }
  return result;
}

std::uint64_t bytes_of(const Value& value) { return value.json.text().size(); }

/// Signals that wait meet units that wait: first come, first served.
void match(TalkState& talk, const std::string& name) {
  const auto listeners = talk.listeners.find(name);
  const auto signals = talk.signals.find(name);
  if (listeners == talk.listeners.end() || signals == talk.signals.end()) return;
  while (!listeners->second.empty() && !signals->second.empty()) {
    auto& value = signals->second.front();
    --talk.kept;
    talk.kept_bytes -= bytes_of(value);
    talk.told.emplace(listeners->second.front(), std::move(value));
    signals->second.pop_front();
    listeners->second.pop_front();
  }
  if (listeners->second.empty()) talk.listeners.erase(listeners);
  if (signals->second.empty()) talk.signals.erase(signals);
}

bool is_full(const TalkState& talk, const Value& value) {
  return talk.kept >= kKeptMax || talk.kept_bytes + bytes_of(value) > kKeptBytesMax;
}

std::string key_of(const SignalGiven& in) { return in.name + '\n' + *in.key; }

/// `name[3]` -> `name`, 3.
std::pair<std::string, std::optional<std::uint32_t>> split(const std::string& request) {
  const auto open = request.rfind('[');
  if (open == std::string::npos || !request.ends_with(']')) return {request, std::nullopt};
  std::uint32_t item = 0;
  const char* const first = request.data() + open + 1;
  const char* const last = request.data() + request.size() - 1;
  const auto [end, failed] = std::from_chars(first, last, item);
  // Written in one way only, so that one question has one name.
  if (failed != std::errc() || end != last || std::to_string(item) != std::string(first, last))
    return {request, std::nullopt};
  return {request.substr(0, open), item};
}

bool is_asked_of(const RunState& state, const UnitRef& ref) {
  const auto& node = state.nodes[ref.node];
  if (has_ended(node.status)) return false;
  if (!ref.item || !node.map) return true;
  const auto* unit = find_unit(state, ref.node, ref.item);
  return unit != nullptr && !has_ended(unit->status) && unit->status != NodeStatus::failing;
}

std::string some_of(const std::vector<std::string>& names) {
  constexpr std::size_t kShownMax = 8;
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kShownMax; ++i) text += (i > 0 ? ", '" : "'") + names[i] + "'";
  return names.size() > kShownMax ? text + " and " + std::to_string(names.size() - kShownMax) + " more" : text;
}

std::vector<std::string> names_of(const RunState& state, bool questions) {
  std::vector<std::string> names;
  for (const auto& node : state.plan->nodes) {
    if (!(questions ? asks(node) : listens(node))) continue;
    auto name = questions ? request_of(node, std::nullopt) + (node.map ? "[0]" : "") : signal_of(node);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
  }
  return names;
}

std::optional<Error> refusal(const RunState& state, const SignalGiven& in) {
  if (in.name.size() > kTalkNameMax || (in.key && in.key->size() > kTalkNameMax))
    return Error{Errc::too_large,
                 "the name and the key of a signal have at most " + std::to_string(kTalkNameMax) + " bytes"};
  if (in.key && state.talk.keys.contains(key_of(in))) return std::nullopt;
  const auto names = names_of(state, false);
  if (std::find(names.begin(), names.end(), in.name) == names.end())
    return Error{Errc::input_unknown,
                 "no node of this run waits for a signal '" + in.name + "'",
                 {},
                 names.empty() ? "Its workflow has no node with tool `signal`."
                               : "Its workflow has nodes that wait for " + some_of(names) + "."};
  if (bytes_of(in.payload) > kToldBytesMax)
    return Error{Errc::too_large,
                 "the signal has " + std::to_string(bytes_of(in.payload)) + " bytes; at most " +
                     std::to_string(kToldBytesMax) + " are taken",
                 in.name, "Put what is larger into a file, and tell its path."};
  const auto takes = [&](NodeIndex i) {
    return listens(state.plan->nodes[i]) && signal_of(state.plan->nodes[i]) == in.name &&
           !has_ended(state.nodes[i].status);
  };
  bool taken = false;
  for (NodeIndex i = 0; i < state.nodes.size() && !taken; ++i) taken = takes(i);
  if (!taken) return Error{Errc::run_state, "every node that waits for this signal has ended", in.name};
  if (!state.talk.listeners.contains(in.name) && is_full(state.talk, in.payload))
    return Error{Errc::too_large,
                 "the run keeps " + std::to_string(state.talk.kept) +
                     " signals and answers that no node has taken yet; at most " + std::to_string(kKeptMax) + " and " +
                     std::to_string(kKeptBytesMax >> 20U) + " MiB are kept",
                 in.name, "Tell it again once the run has gone on."};
  if (in.key && state.talk.keys.size() >= kSignalKeysMax)
    return Error{Errc::too_large, "the run remembers " + std::to_string(kSignalKeysMax) + " keys already", in.name,
                 "Send further signals without a key."};
  return std::nullopt;
}

std::optional<Error> refusal(const RunState& state, const InputGiven& in) {
  const auto ref = find_request(state, in.request);
  if (!ref) {
    const auto names = names_of(state, true);
    return Error{Errc::input_unknown,
                 "the run asks for no input '" + in.request + "'",
                 {},
                 names.empty() ? "Its workflow has no node with tool `input`." : "It may ask " + some_of(names) + "."};
  }
  if (state.talk.answered.contains(in.request)) return std::nullopt;
  if (!is_asked_of(state, *ref))
    return Error{Errc::run_state,
                 "node '" + state.plan->nodes[ref->node].id.str() + "' is " +
                     std::string(status_name(state, state.nodes[ref->node])) + " and takes no answer any more",
                 in.request};
  if (bytes_of(in.value) > kToldBytesMax)
    return Error{Errc::too_large,
                 "the answer has " + std::to_string(bytes_of(in.value)) + " bytes; at most " +
                     std::to_string(kToldBytesMax) + " are taken",
                 in.request, "Put what is larger into a file, and answer with its path."};
  const auto schema = schema_of(state.plan->nodes[ref->node]);
  const auto wrong =
      schema.is_null() ? std::vector<policy::Mismatch>() : policy::mismatches(schema, in.value.json.value());
  if (!wrong.empty()) {
    std::string text = "the answer does not fit what is asked: ";
    for (std::size_t i = 0; i < wrong.size(); ++i)
      text += (i > 0 ? "; " : "") + (wrong[i].pointer.empty() ? "" : wrong[i].pointer + ": ") + wrong[i].message;
    return Error{Errc::inputs_invalid, text, in.request, "The schema is: " + schema.text().substr(0, 400)};
  }
  if (!state.talk.asked.contains(in.request) && is_full(state.talk, in.value))
    return Error{Errc::too_large,
                 "the run keeps " + std::to_string(state.talk.kept) +
                     " signals and answers that no node has taken yet, and takes no more",
                 in.request, "Tell it again once the run has gone on."};
  return std::nullopt;
}

/// It was told what it waits for, or will be as soon as it asks; or its failure follows already.
bool is_decided(const RunState& state, const UnitRef& ref) {
  if (find_unit(state, ref.node, ref.item)->status == NodeStatus::failing) return true;
  if (state.talk.told.contains(ref)) return true;
  return state.talk.to_wait.contains(ref) && asks(state.plan->nodes[ref.node]) &&
         state.talk.answers.contains(request_of(state.plan->nodes[ref.node], ref.item));
}

void add_told_unit(const RunState& state, const UnitRef& ref, const Value& value, std::vector<Event>& facts) {
  const auto& node = state.plan->nodes[ref.node];
  NodeCompleted fact;
  fact.node = node.id;
  fact.item = ref.item;
  fact.attempt = find_unit(state, ref.node, ref.item)->attempt;
  fact.result = as_result(value);
  // Told values are small, and hold no blob.
  const ReadBlob none = [](const std::string& sha256) -> Result<std::string> {
    return Error{Errc::blob_missing, "a value that was told has no blob", sha256};
  };
  for (const auto& test : node.tests) fact.tests.push_back(workflow::passes(test, fact.result, none).value_or(false));
  facts.emplace_back(std::move(fact));
}

}  // namespace

std::string request_of(const workflow::PlanNode& node, std::optional<std::uint32_t> item) {
  auto name = parameter(node, "request", "");
  if (name.empty())
    name = node.id.str();
  else if (node.loop && node.loop->of > 1)
    name += "@" + std::to_string(node.loop->attempt);
  return item ? name + "[" + std::to_string(*item) + "]" : name;
}

std::string signal_of(const workflow::PlanNode& node) { return parameter(node, "name", node.id.str()); }

std::optional<UnitRef> find_request(const RunState& state, const std::string& request) {
  const auto [name, item] = split(request);
  for (NodeIndex i = 0; i < state.plan->nodes.size(); ++i) {
    const auto& node = state.plan->nodes[i];
    if (!asks(node) || request_of(node, std::nullopt) != name || node.map.has_value() != item.has_value()) continue;
    const auto& map = state.nodes[i].map;
    if (item && map && *item >= map->units.size()) return std::nullopt;
    return UnitRef{i, item};
  }
  return std::nullopt;
}

InputRequested question_of(const RunState& state, const UnitRef& ref) {
  const auto& node = state.plan->nodes[ref.node];
  InputRequested question;
  question.node = node.id;
  question.item = ref.item;
  question.request = request_of(node, ref.item);
  question.prompt = parameter(node, "prompt", "");
  question.schema = schema_of(node);
  question.deadline = find_unit(state, ref.node, ref.item)->ends_by;
  return question;
}

std::vector<InputRequested> open_questions(const RunState& state) {
  std::vector<UnitRef> refs;
  for (const auto& [request, ref] : state.talk.asked) refs.push_back(ref);
  std::sort(refs.begin(), refs.end());
  std::vector<InputRequested> questions;
  questions.reserve(refs.size());
  for (const auto& ref : refs) questions.push_back(question_of(state, ref));
  return questions;
}

std::optional<Error> refusal_of(const RunState& state, const Input& input) {
  const auto* signal = std::get_if<SignalGiven>(&input.what);
  const auto* answer = std::get_if<InputGiven>(&input.what);
  if (signal == nullptr && answer == nullptr) return std::nullopt;
  if (is_terminal(state) || is_stopping(state))
    return Error{Errc::run_state, "the run is " + std::string(status_name(state)) + ", and takes nothing any more"};
  return signal != nullptr ? refusal(state, *signal) : refusal(state, *answer);
}

std::vector<Event> decide_signal(const RunState& state, const SignalGiven& in) {
  if (is_stopping(state) || refusal(state, in)) return {};
  if (in.key && state.talk.keys.contains(key_of(in))) return {};
  return {SignalReceived{in.name, in.payload, in.key, in.who}};
}

std::vector<Event> decide_answer(const RunState& state, const InputGiven& in) {
  if (is_stopping(state) || refusal(state, in) || state.talk.answered.contains(in.request)) return {};
  return {InputProvided{in.request, in.value, in.who}};
}

std::vector<Event> decide_overdue(const RunState& state, UtcTime now) {
  std::vector<Event> facts;
  for (const auto& [due, ref] : state.deadlines) {
    if (due > now) break;
    // What it waits for came in time: nothing that was accepted is lost.
    if (!is_decided(state, ref)) facts.emplace_back(NodeDeadlinePassed{state.plan->nodes[ref.node].id, ref.item});
  }
  return facts;
}

void add_told(const RunState& state, std::vector<Event>& facts) {
  for (const auto& [ref, value] : state.talk.told) add_told_unit(state, ref, value, facts);
}

void add_waits(const RunState& state, std::vector<Event>& facts) {
  for (const auto& ref : state.talk.to_wait) {
    const auto& node = state.plan->nodes[ref.node];
    if (asks(node))
      facts.emplace_back(question_of(state, ref));
    else
      facts.emplace_back(
          SignalAwaited{node.id, ref.item, signal_of(node), find_unit(state, ref.node, ref.item)->ends_by});
  }
}

void evolve_talk(RunState& state, const SignalReceived& event, UtcTime) {
  auto& talk = state.talk;
  if (event.key) talk.keys.insert(event.name + '\n' + *event.key);
  talk.signals[event.name].push_back(event.payload);
  ++talk.kept;
  talk.kept_bytes += bytes_of(event.payload);
  match(talk, event.name);
}

void evolve_talk(RunState& state, const InputProvided& event, UtcTime) {
  auto& talk = state.talk;
  talk.answered.insert(event.request);
  if (const auto open = talk.asked.find(event.request); open != talk.asked.end()) {
    talk.told.emplace(open->second, event.value);
    return;
  }
  talk.answers.emplace(event.request, event.value);
  ++talk.kept;
  talk.kept_bytes += bytes_of(event.value);
}

namespace {

UnitState& begin_wait(RunState& state, const UnitRef& ref, NodeStatus status) {
  auto* unit = find_unit(state, ref.node, ref.item);
  HILLSTAR_ASSERT(unit != nullptr);
  state.talk.to_wait.erase(ref);
  unit->status = status;
  ++unit->attempt;
  ++state.talking;
  return *unit;
}

}  // namespace

void evolve_talk(RunState& state, const InputRequested& event, UtcTime) {
  const UnitRef ref{index_of_node(state, event.node), event.item};
  begin_wait(state, ref, NodeStatus::asking);
  auto& talk = state.talk;
  talk.asked.emplace(event.request, ref);
  const auto early = talk.answers.find(event.request);
  if (early == talk.answers.end()) return;
  --talk.kept;
  talk.kept_bytes -= bytes_of(early->second);
  talk.told.emplace(ref, std::move(early->second));
  talk.answers.erase(early);
}

void evolve_talk(RunState& state, const SignalAwaited& event, UtcTime) {
  const UnitRef ref{index_of_node(state, event.node), event.item};
  begin_wait(state, ref, NodeStatus::listening);
  state.talk.listeners[event.name].push_back(ref);
  match(state.talk, event.name);
}

void evolve_talk(RunState& state, const NodeDeadlinePassed& event, UtcTime at) {
  Moves moves(state, at);
  const UnitRef ref{index_of_node(state, event.node), event.item};
  auto& unit = moves.unit_of(ref.node, ref.item);
  moves.stop_clock(ref);
  unit.overdue = true;
  // An attempt is being stopped; its end is the node's.
  if (is_in_flight(unit)) return;
  moves.leave_place(ref);
  moves.give_up_late(ref);
}

Failure overdue_failure(const workflow::PlanNode& node) {
  const auto whole = node.schedule_to_close.value_or(Millis{0}).count();
  auto seconds = std::to_string(whole / 1000);
  if (whole % 1000 != 0) seconds += "." + std::to_string(1000 + whole % 1000).substr(1);
  const auto* what = asks(node)      ? "nobody answered within "
                     : listens(node) ? "no signal came within "
                                     : "not done within ";
  return {FailureClass::timeout, what + seconds + " s, its whole time with all attempts and waits", std::nullopt};
}

}  // namespace hillstar::run
