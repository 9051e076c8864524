// SPDX-License-Identifier: Apache-2.0
// Facts about state that outlives an attempt: cells of named values, each with a version. Part of events.hpp.
//
// The run's own cells are in the run's history. Those of a stream and those of the whole store have a history each,
// under an id that begins with `V`: StateOpened is its first event.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "messages/ids.hpp"
#include "messages/json.hpp"

namespace hillstar {

/// Who shares the cells: the nodes of one run; the runs of one stream; all runs of the store.
BOOST_DEFINE_ENUM_CLASS(StateScope, run, stream, store)

/// A cell after a change.
struct StateCell {
  std::string key;
  std::uint64_t version = 0;  ///< 1, 2, 3, ... without a gap, also over a removal.
  Json value;
  bool removed = false;

  bool operator==(const StateCell&) const = default;
};
BOOST_DESCRIBE_STRUCT(StateCell, (), (key, version, value, removed))

/// The cells of a stream, or of the store, have a history from now on.
struct StateOpened {
  StateScope scope = StateScope::store;
  std::optional<std::string> stream;  ///< Name; of scope `stream`.
};
BOOST_DESCRIBE_STRUCT(StateOpened, (), (scope, stream))

/// Cells changed, all of them at once.
struct StateChanged {
  std::vector<StateCell> cells;
  std::optional<RunId> run;    ///< Whose node did it; absent: a person, or the run that has this history.
  std::optional<NodeId> node;  ///< The node that did it; absent: a person, or a fork, which begins with them.
  std::optional<std::uint32_t> item;
  std::optional<std::string> key;  ///< Of the request: a second one with it changes nothing.
  std::string who;                 ///< The person who did it; empty: a node.
};
BOOST_DESCRIBE_STRUCT(StateChanged, (), (cells, run, node, item, key, who))

}  // namespace hillstar
