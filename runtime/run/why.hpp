// SPDX-License-Identifier: Apache-2.0
// Why a run or a node is as it is: answered from its history and the state that it folds to, and from nothing else.
#pragma once

#include <boost/describe.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "messages/events.hpp"
#include "runtime/run/state.hpp"

namespace hillstar::run {

/// What fits one screen. What is beyond it is counted in Why::left_out.
inline constexpr std::size_t kReasonsMax = 24;
/// Nodes or items of one kind that are named before the others are only counted.
inline constexpr std::size_t kNamedMax = 6;

struct Reason {
  std::uint32_t depth = 0;           ///< 0 answers the question; deeper ones say what the one above follows from.
  std::string kind;                  ///< A stable word for programs, such as `held` or `lane`.
  std::string text;                  ///< One sentence; may quote what nodes printed.
  std::optional<UnitRef> unit;       ///< What it is about; absent: the run.
  std::optional<std::uint64_t> seq;  ///< The event that says so, and
  std::optional<UtcTime> at;         ///< when that was.
};

/// What a person can do next; whoever prints it knows the commands.
BOOST_DEFINE_ENUM_CLASS(Remedy, approve, reject, settle_run_again, settle_failed, raise_budget, resume, new_run,
                        run_again_from, why, result, log, input, signal)
struct Step {
  Remedy remedy = Remedy::resume;
  std::optional<UnitRef> unit;

  bool operator==(const Step&) const = default;
};

struct Why {
  std::vector<Reason> reasons;
  std::vector<Step> steps;  ///< Most useful first, without duplicates.
  std::size_t left_out = 0;
};

/// `history` is what `state` was folded from. `unit`: the node, the map or its item that is asked about; absent: the
/// run. Nothing at all if the run has no such unit.
Why why(const RunState& state, const std::vector<Recorded>& history, std::optional<UnitRef> unit = std::nullopt);

/// `review`, `review[3]`.
std::string name_of(const RunState& state, const UnitRef& unit);

}  // namespace hillstar::run
