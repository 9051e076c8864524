// SPDX-License-Identifier: Apache-2.0
// What a run is told while it runs: questions and their answers, signals, and the end of a node's whole time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "messages/error.hpp"
#include "messages/events.hpp"
#include "messages/inputs.hpp"
#include "runtime/run/state.hpp"

namespace hillstar::run {

/// Bytes of one answer, or of what one signal carries, as JSON.
inline constexpr std::size_t kToldBytesMax = kInlineBytesMax;
/// Signals and early answers of one run that nobody has taken yet, and their bytes.
inline constexpr std::uint32_t kKeptMax = 1'000;
inline constexpr std::uint64_t kKeptBytesMax = 16U << 20U;
/// Keys of signals that one run remembers.
inline constexpr std::size_t kSignalKeysMax = 100'000;
/// Bytes of a signal's name or key, and of a request's name.
inline constexpr std::size_t kTalkNameMax = 256;

/// The node asks a person for a value, or waits for a signal: no attempt of it is ever made.
inline bool asks(const workflow::PlanNode& node) { return node.tool == "input"; }
inline bool listens(const workflow::PlanNode& node) { return node.tool == "signal"; }
inline bool waits_to_be_told(const workflow::PlanNode& node) { return asks(node) || listens(node); }
/// Its attempts are runs of another workflow.
inline bool runs_workflow(const workflow::PlanNode& node) { return node.tool == "workflow_run"; }

/// The name of what the node asks: `parameters.request`, or its id; for an item of a map with `[3]` behind it.
std::string request_of(const workflow::PlanNode& node, std::optional<std::uint32_t> item);
/// The name that the node listens to: `parameters.name`, or its id.
std::string signal_of(const workflow::PlanNode& node);

/// A question that the run asks or will ask.
std::optional<UnitRef> find_request(const RunState& state, const std::string& request);
/// An open question as it was asked.
InputRequested question_of(const RunState& state, const UnitRef& ref);
/// All open questions, in plan order.
std::vector<InputRequested> open_questions(const RunState& state);
/// Why the run does not take what it is told; nothing if it does, or has it already.
std::optional<Error> refusal_of(const RunState& state, const Input& input);

/// Facts about a signal or an answer, or none. For decide.cpp.
std::vector<Event> decide_signal(const RunState& state, const SignalGiven& in);
std::vector<Event> decide_answer(const RunState& state, const InputGiven& in);
/// Units whose whole time is over.
std::vector<Event> decide_overdue(const RunState& state, UtcTime now);
/// What follows for units that were told something, and for those that may ask or listen. For advance.cpp.
void add_told(const RunState& state, std::vector<Event>& facts);
void add_waits(const RunState& state, std::vector<Event>& facts);

/// For evolve.cpp.
void evolve_talk(RunState& state, const SignalReceived& event, UtcTime at);
void evolve_talk(RunState& state, const InputRequested& event, UtcTime at);
void evolve_talk(RunState& state, const InputProvided& event, UtcTime at);
void evolve_talk(RunState& state, const SignalAwaited& event, UtcTime at);
void evolve_talk(RunState& state, const NodeDeadlinePassed& event, UtcTime at);

/// Why a node fails whose whole time is over.
Failure overdue_failure(const workflow::PlanNode& node);

}  // namespace hillstar::run
