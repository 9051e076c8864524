// SPDX-License-Identifier: Apache-2.0
// Does a recorded history come about again? Hands out its attempts in the order in which they ended, and compares what
// they come to now with what was recorded. Pure: whoever asks makes the attempts.
//
// The state moves by the recorded events, so that each attempt sees what it saw then, and one difference does not hide
// or cause another. What followed from the state alone (skipped, failed, the end of the run) is derived again and
// compared too.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "messages/commands.hpp"
#include "messages/events.hpp"
#include "runtime/run/state.hpp"

namespace hillstar::run {

/// Differences that a check describes; the others it only counts.
inline constexpr std::size_t kDifferencesMax = 1'000;

BOOST_DEFINE_ENUM_CLASS(DifferenceKind, request, result, end)

struct Difference {
  std::string unit;           ///< `review`, `review[3]`; empty: the run.
  std::uint32_t attempt = 0;  ///< 0: of the node as a whole.
  DifferenceKind kind = DifferenceKind::end;
  std::string recorded;  ///< Canonical JSON of a request or a result; for ends a few words.
  std::string now;
};

class ReplayCheck {
 public:
  /// `state` is the one before the first event; `history` must outlive the check.
  ReplayCheck(RunState state, const std::vector<Recorded>& history);

  struct Ended {
    ExecuteNode command;     ///< What was executed.
    const Recorded* record;  ///< The event that ended it.
  };
  /// Goes on to the next event that ended an attempt; nothing: the history is over. InvariantError for a history that
  /// does not fold.
  std::optional<Ended> next();
  /// What that attempt came to now. Without it, the attempt counts as it was recorded.
  void compare(const NodeOutcome& outcome);
  /// A difference that somebody else found in that attempt.
  void report(DifferenceKind kind, std::string recorded, std::string now);

  [[nodiscard]] const RunState& state() const { return state_; }
  [[nodiscard]] const std::vector<Difference>& differences() const { return differences_; }
  [[nodiscard]] std::uint64_t differences_count() const { return count_; }

 private:
  void fold();
  void foresee();
  void add(Difference difference);

  RunState state_;
  const std::vector<Recorded>& history_;
  std::size_t next_ = 0;      ///< The event that is folded next.
  bool handed_out_ = false;   ///< It ended an attempt, which was handed out.
  std::size_t foreseen_ = 0;  ///< Events that follow from the state and have not come yet.
  std::map<UnitRef, ExecuteNode> in_flight_;
  std::set<std::string> expected_;  ///< Ends that must follow.
  std::vector<Difference> differences_;
  std::uint64_t count_ = 0;
};

/// `review`, `review[3]`.
std::string unit_name(const NodeId& node, std::optional<std::uint32_t> item);

}  // namespace hillstar::run
