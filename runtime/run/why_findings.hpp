// SPDX-License-Identifier: Apache-2.0
// What the answers of why() are made with: the history by node, and the list of reasons. For the other files of this
// folder.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/run/why.hpp"

namespace hillstar::run {

/// Lives for one question; refers to state and history.
class Findings {
 public:
  Findings(const RunState& state, const std::vector<Recorded>& history);

  const RunState& state;
  const std::vector<Recorded>& history;
  Why answer;

  /// Events about this very node or item, in order.
  [[nodiscard]] const std::vector<const Recorded*>& of(const UnitRef& unit) const;
  /// The last event of a type about it, or nullptr.
  template <class T>
  [[nodiscard]] const Recorded* last(const UnitRef& unit) const {
    const auto& events = of(unit);
    for (auto it = events.rbegin(); it != events.rend(); ++it)
      if (std::holds_alternative<T>((*it)->event)) return *it;
    return nullptr;
  }
  /// The last event of a type in the whole history, or nullptr.
  template <class T>
  [[nodiscard]] const Recorded* last() const {
    for (auto it = history.rbegin(); it != history.rend(); ++it)
      if (std::holds_alternative<T>(it->event)) return &*it;
    return nullptr;
  }

  void add(std::uint32_t depth, std::string kind, std::string text, const std::optional<UnitRef>& unit = std::nullopt,
           const Recorded* event = nullptr);
  void step(Remedy remedy, const std::optional<UnitRef>& unit = std::nullopt);
  [[nodiscard]] std::string quoted(const UnitRef& unit) const { return "'" + name_of(state, unit) + "'"; }
  /// False if the unit has been explained already, or there is no room.
  bool begin(const UnitRef& unit);
  [[nodiscard]] bool is_full() const { return answer.reasons.size() >= kReasonsMax; }

 private:
  std::map<UnitRef, std::vector<const Recorded*>> events_;
  std::set<UnitRef> begun_;
};

/// ` on worker lab2`, ` as job 17 of slurm`; empty: the host made it.
std::string on_machine(const std::optional<MadeBy>& who);

/// Why the run is as it is.
void explain_run(Findings& findings, std::uint32_t depth);
/// Why the unit is as it is, with what that follows from.
void explain_unit(Findings& findings, const UnitRef& unit, std::uint32_t depth);
/// Which attempts it made, and why there was more than one.
void explain_attempts(Findings& findings, const UnitRef& unit, std::uint32_t depth);
/// Why it failed.
void explain_failure(Findings& findings, const UnitRef& unit, std::uint32_t depth);
/// The questions that made the condition come out as `outcome`, with the answers.
void explain_condition(Findings& findings, const workflow::Condition& condition, bool outcome, std::uint32_t depth);

/// Nodes and items for which `fits(ref, unit)` is true.
template <class Fits>
std::vector<UnitRef> units_where(const RunState& state, Fits fits) {
  std::vector<UnitRef> found;
  for (NodeIndex i = 0; i < state.nodes.size(); ++i) {
    const auto& node = state.nodes[i];
    if (fits(UnitRef{i, std::nullopt}, static_cast<const UnitState&>(node))) found.push_back({i, std::nullopt});
    if (!node.map) continue;
    for (std::uint32_t item = 0; item < node.map->units.size(); ++item)
      if (fits(UnitRef{i, item}, node.map->units[item])) found.push_back({i, item});
  }
  return found;
}
/// `'a', 'b' and 3 more`.
std::string named(const RunState& state, const std::vector<UnitRef>& units);
/// `1 node`, `3 nodes`.
std::string counted(std::size_t count, const std::string& one);
/// `2026-11-22 03:04:05Z`.
std::string moment(UtcTime time);
/// `exit_code: it broke`.
std::string words_of(const Failure& failure);

}  // namespace hillstar::run
