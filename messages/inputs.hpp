// SPDX-License-Identifier: Apache-2.0
// What a run can be told. Every input carries its own time and chance, so that the core needs neither.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "messages/events.hpp"
#include "messages/state.hpp"

namespace hillstar {

/// Position of a node in its plan.
using NodeIndex = std::uint32_t;

/// One attempt of one node, or of one item of a map. The attempt number fences late answers.
struct AttemptRef {
  NodeIndex node = 0;
  std::optional<std::uint32_t> item;
  std::uint32_t attempt = 1;

  bool operator==(const AttemptRef&) const = default;
};

/// As in ConnectionAttempted.
struct Connection {
  std::string endpoint;
  std::optional<std::string> address = {};
  bool allowed = false;
  std::optional<std::string> failure = {};

  bool operator==(const Connection&) const = default;
};

struct Start {
  RunStarted started;
  std::vector<NodeInherited> inherited;      ///< For forks: results taken over, in plan order,
  std::vector<StateCell> cells = {};         ///< and the run's own state.
  std::optional<std::uint64_t> ticket = {};  ///< It waits its turn in a queue, under this number.
};
struct AttemptSucceeded {
  AttemptRef ref;
  Value result;
  std::vector<bool> tests;
  std::optional<Usage> usage;
  std::optional<Json> detail;
  std::vector<Connection> connections = {};  ///< Those that the attempt made or was refused; air-gapped runs only.
  std::optional<StateRequest> state = {};    ///< Of the run's own state: `result` and `tests` follow from it.
  std::optional<MadeBy> made_by = {};        ///< As in NodeCompleted, and below.
};
/// The list of a map was evaluated.
struct ItemsListed {
  AttemptRef ref;  ///< Without item.
  std::uint32_t count = 0;
  Value items;
  std::uint64_t longest = 0;  ///< Bytes of the longest item, as JSON.
};
struct AttemptFailed {
  AttemptRef ref;
  Failure failure;
  Value result;
  std::optional<Usage> usage;
  std::optional<Json> detail = {};  ///< Of a model call that was sent: to whom, and what was reserved for it.
  std::vector<Connection> connections = {};
  std::optional<MadeBy> made_by = {};
};
struct AttemptLost {
  AttemptRef ref;
  std::optional<Json> detail = {};  ///< Of a model call that was sent: what is known of it.
  std::vector<Connection> connections = {};
  std::optional<MadeBy> made_by = {};
};
/// The attempt ended because it was asked to.
struct AttemptCancelled {
  AttemptRef ref;
  bool unsent = false;              ///< A model call that never left.
  std::optional<Json> detail = {};  ///< As for AttemptLost.
  std::vector<Connection> connections = {};
  std::optional<Usage> usage = {};  ///< Of a run of its own that has ended.
  std::optional<MadeBy> made_by = {};
};
/// No machine can make the attempt at the moment.
struct PlaceMissing {
  AttemptRef ref;
  std::string reason;
};
/// A budget that many runs share has not enough left: the attempt was not made.
struct BudgetRefused {
  AttemptRef ref;
  BudgetScope scope = BudgetScope::workflow;
  MicroUsd limit;
  MicroUsd spent;
  MicroUsd needed;
};
struct RetryDue {
  AttemptRef ref;  ///< The attempt that failed.
};
struct ApprovalGiven {
  NodeIndex node = 0;
  bool approved = false;
  std::string who;
  std::string reason;
};
/// Stop starting nodes. With `cancel_attempts` those that run are stopped too (Ctrl-C); they run again later.
struct PauseAsked {
  std::string reason;
  bool cancel_attempts = false;
};
struct ResumeAsked {
  std::string who;
  std::optional<MicroUsd> budget = {};  ///< What the run may cost from now on, in all; absent: as before.
};
struct CancelAsked {
  std::string who;
  std::string reason;
};
/// A person settles a lost attempt of a node with effect `once`.
struct Resolved {
  NodeIndex node = 0;
  std::optional<std::uint32_t> item;
  Settlement settlement = Settlement::run_again;
  std::string who;
  std::string reason;
};
/// It is the run's turn.
struct Admit {};
/// The run's deadline has come.
struct DeadlineReached {};
/// As SignalReceived.
struct SignalGiven {
  std::string name;
  Value payload;
  std::optional<std::string> key;
  std::string who;
};
/// As InputProvided. Whoever tells it has checked the value against the schema.
struct InputGiven {
  std::string request;
  Value value;
  std::string who;
};
/// The process that drove the run died; a new one has folded the history.
struct Recovered {};

struct Input {
  UtcTime at;
  std::uint32_t chance_ppm = 0;  ///< In [0, 1000000): jitter for a retry, drawn by the shell.
  std::variant<Start, AttemptSucceeded, ItemsListed, AttemptFailed, AttemptLost, AttemptCancelled, BudgetRefused,
               RetryDue, ApprovalGiven, PauseAsked, ResumeAsked, CancelAsked, Resolved, Admit, DeadlineReached,
               SignalGiven, InputGiven, PlaceMissing, Recovered>
      what;
};

/// What a node actor answers, exactly once per attempt.
using NodeOutcome =
    std::variant<AttemptSucceeded, ItemsListed, AttemptFailed, AttemptLost, AttemptCancelled, BudgetRefused>;

}  // namespace hillstar
