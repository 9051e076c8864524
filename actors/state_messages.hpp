// SPDX-License-Identifier: Apache-2.0
// What the messages to and from shared state hold. Include actors/handles.hpp, which says who sends them to whom.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "actors/handles.hpp"
#include "actors/reply.hpp"
#include "messages/inputs.hpp"
#include "runtime/state/cells.hpp"

namespace hillstar::actors {

/// What was done, or why not.
using StateOutcome = std::variant<Json, state::Refused>;

/// Of a node, or of a person.
struct AskScope {
  std::string stream;  ///< Empty: the store's state.
  StateRequest request;
  std::optional<RunId> run;
  std::optional<NodeId> node;
  std::optional<std::uint32_t> item;
  std::string who;
  Reply<StateOutcome> reply;  ///< Answered once what the answer says is durable.
};
struct StateDone {
  AttemptRef ref;
  Result<StateOutcome> outcome;
};
struct LeaveStates {};

}  // namespace hillstar::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::AskScope)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::StateDone)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hillstar::actors::LeaveStates)
