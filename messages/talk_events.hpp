// SPDX-License-Identifier: Apache-2.0
// Facts about what runs were told while they ran: signals, and answers to what a node asked. Part of events.hpp.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "messages/ids.hpp"
#include "messages/units.hpp"
#include "messages/value.hpp"

namespace hillstar {

/// Somebody told the run something by name. It is kept until a node takes it, in order of arrival.
struct SignalReceived {
  std::string name;
  Value payload;
  std::optional<std::string> key;  ///< A second signal with it changes nothing.
  std::string who;
};
BOOST_DESCRIBE_STRUCT(SignalReceived, (), (name, payload, key, who))

/// The node waits for an answer that fits the schema, without an attempt in flight.
struct InputRequested {
  NodeId node;
  std::string request;  ///< Names the question in this run: the node's id, unless the author chose another.
  std::string prompt;
  Json schema;  ///< JSON Schema of the answer; null: any.
  std::optional<UtcTime> deadline;
  std::optional<std::uint32_t> item = {};
};
BOOST_DESCRIBE_STRUCT(InputRequested, (), (node, request, prompt, schema, deadline, item))

/// The node waits for a signal of this name, without an attempt in flight.
struct SignalAwaited {
  NodeId node;
  std::optional<std::uint32_t> item;
  std::string name;
  std::optional<UtcTime> deadline;
};
BOOST_DESCRIBE_STRUCT(SignalAwaited, (), (node, item, name, deadline))

/// An answer. It may come before the question: then it is kept for it.
struct InputProvided {
  std::string request;
  Value value;
  std::string who;
};
BOOST_DESCRIBE_STRUCT(InputProvided, (), (request, value, who))

/// The node's whole time is over: it fails, once an attempt of it that is in flight has been stopped.
struct NodeDeadlinePassed {
  NodeId node;
  std::optional<std::uint32_t> item;
};
BOOST_DESCRIBE_STRUCT(NodeDeadlinePassed, (), (node, item))

}  // namespace hillstar
