// SPDX-License-Identifier: Apache-2.0
// Attempts that wait for a machine, and whose turn it is. Pure.
//
// The run's priority decides, then who came first. One that finds no place holds up nobody behind it. One that needs
// many slots could wait for ever so, behind small ones that take each slot as it comes free; after kPassedMax of them
// it keeps a machine to itself until that has enough free. Those with a higher priority still come first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/placement/placement.hpp"

namespace hillstar::placement {

/// As many may wait; whoever runs them has fewer in flight.
inline constexpr std::size_t kWaitingMax = 65'536;
/// As many later ones may take slots of a machine that one which waits could use.
inline constexpr std::uint32_t kPassedMax = 32;

class WaitQueue {
 public:
  using Ticket = std::uint64_t;

  struct Placed {
    Ticket ticket = 0;
    std::size_t machine = 0;  ///< Its place in the list that was given.
  };
  struct Held {
    Ticket ticket = 0;
    NoPlace why;
  };

  /// `priority`: 1 to 100, higher ones first. Nothing if kWaitingMax wait already.
  std::optional<Ticket> add(Wish wish, std::uint32_t priority);
  /// It does not wait any more; false: it did not.
  bool remove(Ticket ticket);

  /// Those that go now, in the order in which they do; their slots are taken in `machines`. Ask again whenever a
  /// machine came, went or changed, an attempt ended, or one was added.
  std::vector<Placed> place(std::vector<Machine>& machines);
  /// Why the others wait, in their order.
  [[nodiscard]] std::vector<Held> held(const std::vector<Machine>& machines) const;

  [[nodiscard]] std::size_t size() const { return waiting_.size(); }
  [[nodiscard]] bool empty() const { return waiting_.empty(); }
  /// Null: no such one waits.
  [[nodiscard]] const Wish* find(Ticket ticket) const;

 private:
  /// Priority from 100 downwards, then the ticket: the order of turns.
  using Turn = std::pair<std::uint32_t, Ticket>;
  struct Entry {
    Wish wish;
    std::string shape;  ///< The same for wishes that the same machines suit.
    std::uint32_t passed = 0;
  };
  struct Pass;

  void count_passing(const Pass& pass, const Machine& taken);
  static void keep_machine(const std::vector<Machine>& machines, const Wish& wish, std::vector<bool>& kept);

  std::map<Turn, Entry> waiting_;
  std::map<Ticket, Turn> turns_;
  Ticket next_ = 1;
};

}  // namespace hillstar::placement
