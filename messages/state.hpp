// SPDX-License-Identifier: Apache-2.0
// What a node, or a person, asks of shared state. Decided by runtime/state, recorded as StateChanged.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "messages/json.hpp"
#include "messages/state_events.hpp"

namespace hillstar {

/// `get`, `list` change nothing. `cas`: a put that names the version that it replaces. `add`: to a number; to 0 if
/// there is none. `batch`: several that write, all of them or none.
BOOST_DEFINE_ENUM_CLASS(StateOp, get, put, cas, add, remove, list, batch)

/// One that reads or writes one cell.
struct StateOperation {
  StateOp op = StateOp::get;
  std::string key;                                ///< list: what the keys begin with.
  Json value;                                     ///< put, cas.
  std::optional<std::uint64_t> expected_version;  ///< 0: there is no value. Absent: whatever is there.
  Json by;                                        ///< add: a number.

  bool operator==(const StateOperation&) const = default;
};
BOOST_DESCRIBE_STRUCT(StateOperation, (), (op, key, value, expected_version, by))

/// What becomes of a request that finds another version than it expects, or no number to add to.
BOOST_DEFINE_ENUM_CLASS(OnConflict, fail, result)

struct StateRequest {
  StateScope scope = StateScope::run;
  StateOp op = StateOp::get;               ///< Says the form of the answer.
  std::vector<StateOperation> operations;  ///< One, unless it is a batch.
  OnConflict on_conflict = OnConflict::fail;
  bool versioned = false;  ///< Whoever puts or removes must name the version.

  bool operator==(const StateRequest&) const = default;
};
BOOST_DESCRIBE_STRUCT(StateRequest, (), (scope, op, operations, on_conflict, versioned))

}  // namespace hillstar
