// SPDX-License-Identifier: Apache-2.0
// A run as a terminal follows it: the folded state, and what is seen but never stored. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "messages/events.hpp"
#include "runtime/run/state.hpp"

namespace hillstar::cli {

/// A plain node, or one item of a map.
struct Unit {
  NodeId node;
  std::optional<std::uint32_t> item;

  auto operator<=>(const Unit&) const = default;
};
/// `review`, `review[3]`.
std::string to_string(const Unit& unit);

/// Bytes of a unit's streamed output that are kept for display.
inline constexpr std::size_t kTailBytesMax = 4 * 1024;

struct LiveRun {
  struct Attempt {
    UtcTime since;
    std::uint32_t attempt = 1;
    std::string tail;
  };

  RunId run;
  run::RunState state;
  std::map<Unit, Attempt> running;
  /// How long the last ended attempt took; set by the event that ended it.
  std::optional<Millis> took;

  /// Folds one event, and remembers since when attempts run.
  void observe(const Recorded& recorded);
  /// Appends to the tail of a running attempt; text of other attempts is dropped.
  void stream(const Unit& unit, std::uint32_t attempt, std::string_view text);
};

/// Nodes with an end, and all nodes.
std::pair<std::uint32_t, std::uint32_t> progress_of(const run::RunState& state);

/// What a person is told about an event, such as `[3/12] review completed 1.24 s`; nothing for events of no interest.
/// `live` has observed the event already.
std::optional<std::string> progress_line(const LiveRun& live, const Recorded& recorded);

}  // namespace hillstar::cli
