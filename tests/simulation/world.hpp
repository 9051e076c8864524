// SPDX-License-Identifier: Apache-2.0
// A simulated world around the pure core: it executes commands in any order, fails, loses, repeats and delays
// answers, forgets everything in a crash, and holds the core to its promises after every step.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "messages/commands.hpp"
#include "runtime/run/run.hpp"

namespace hillstar::simulation {

/// A random plan: edges, retries, maps, approvals, conditions, lanes, loops, effects, tolerated failures, budgets.
std::shared_ptr<const workflow::Plan> random_plan(std::mt19937_64& dice);
/// The same with classes of data, where half of the nodes call models.
std::shared_ptr<const workflow::Plan> classified_plan(std::mt19937_64& dice);
/// Some of its nodes may go to up to three places, at random prices.
std::shared_ptr<const policy::Routes> random_routes(std::mt19937_64& dice, std::size_t nodes);

struct Odds {
  unsigned crash = 20;  ///< Out of 1000 turns, each.
  unsigned pause = 10;
  unsigned cancel = 1;
  unsigned fail = 150;  ///< Out of 1000 answers.
  unsigned lose = 30;
};

class World {
 public:
  World(std::shared_ptr<const workflow::Plan> plan, std::uint64_t seed, Odds odds);
  /// Data has classes from now on: the world keeps to itself where they are, and where they must not go.
  void classify(std::shared_ptr<const policy::Routes> routes);

  /// Runs to the end. Throws std::string, a sentence about the broken promise, with the history behind it.
  void run();

  [[nodiscard]] const std::vector<Recorded>& history() const { return history_; }
  [[nodiscard]] const run::RunState& state() const { return state_; }
  [[nodiscard]] std::size_t crashes() const { return crashes_; }
  /// Signals and answers that reached a node.
  [[nodiscard]] std::size_t told() const { return told_; }
  [[nodiscard]] std::size_t overdue() const { return overdue_.size(); }
  /// Attempts elsewhere that were under way when the process of the run died.
  [[nodiscard]] std::size_t survived() const { return survived_; }
  [[nodiscard]] std::size_t releases() const { return released_.size(); }

 private:
  void turn();
  void tell(Input input);
  void issue(const std::vector<Command>& commands);
  void answer();
  void miss_place();
  void crash();
  void check();
  void check_fact(const Event& event);
  void check_money(const Event& event);
  void check_data(const Event& event);
  void check_talk(const Event& event);
  void check_told(const NodeCompleted& event);
  /// Tells the run something that it waits for, or does not: early, twice, to nobody. False: there is nothing to tell.
  bool talk(bool needed);
  [[nodiscard]] Usage usage_of(const AttemptRef& ref);
  [[nodiscard]] Input answer_of(const AttemptRef& ref, bool lists);
  [[nodiscard]] StateRequest state_request();
  void check_end();
  [[nodiscard]] unsigned roll(unsigned bound) { return static_cast<unsigned>(dice_() % bound); }
  [[nodiscard]] bool chance(unsigned permille) { return roll(1000) < permille; }
  [[noreturn]] void fail(const std::string& sentence) const;

  using Attempt = std::tuple<NodeIndex, std::int64_t, std::uint32_t>;  // item -1: none
  static Attempt key(const AttemptRef& ref) { return {ref.node, ref.item ? std::int64_t{*ref.item} : -1, ref.attempt}; }

  std::mt19937_64 dice_;
  Odds odds_;
  run::RunState state_;
  std::vector<Recorded> history_;
  std::int64_t now_ = 1'000'000;
  std::map<Attempt, bool> executing_;  // attempt -> lists items
  std::set<Attempt> cancelling_;
  std::map<Attempt, UtcTime> timers_;
  std::set<NodeIndex> approvals_;
  std::vector<Input> late_;                         // answers that come again, or too late
  using Unit = std::pair<NodeIndex, std::int64_t>;  // item -1: the node itself
  std::set<Unit> completed_;
  std::set<Unit> unsettled_;  // lost with effect `once`, and nobody has settled it
  std::map<Unit, std::uint32_t> lost_;
  std::map<Unit, std::uint32_t> failed_;
  std::set<Attempt> scheduled_;
  std::map<Attempt, MicroUsd> held_;  // kept beside the core's own sums
  std::map<Unit, MicroUsd> spent_by_;
  MicroUsd spent_;
  std::optional<MicroUsd> raised_;
  std::vector<std::size_t> classes_;  // of what each node gives; empty: none are
  std::set<NodeIndex> released_;      // by people
  std::map<NodeIndex, std::set<std::string>> given_;
  std::map<std::string, std::deque<std::string>> signals_;  // accepted, and not taken yet
  std::set<std::string> keys_;
  std::map<std::string, std::string> answers_;  // accepted
  std::set<Unit> asked_;
  std::set<Unit> overdue_;
  std::uint64_t serial_ = 0;
  std::size_t told_ = 0;
  std::size_t crashes_ = 0;
  std::size_t survived_ = 0;
  std::size_t turns_ = 0;
};

}  // namespace hillstar::simulation
