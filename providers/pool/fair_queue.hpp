// SPDX-License-Identifier: Apache-2.0
// Calls that wait for one backend, in an order in which no run starves. Pure.
//
// Between runs by virtual finish time: each call moves its run on by a step that is shorter for a heavier run, and the
// run that is least far goes next. A run that joins stands one step behind what goes now, so that newcomers, however
// many, never pass one that waits already and weighs as much. Within a run first come, first served.
// Sources: A. Demers, S. Keshav, S. Shenker, "Analysis and Simulation of a Fair Queueing Algorithm", 1989;
// C. Waldspurger, W. Weihl, "Stride Scheduling", 1995.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

namespace hillstar::providers {

/// Heaviest weight; a run of it gets so many calls while one of weight 1 gets one.
inline constexpr std::uint32_t kWeightMax = 1'000;

class FairQueue {
 public:
  struct Entry {
    std::uint64_t ticket = 0;
    std::string run;
    std::string lane;          ///< Calls of one lane never overlap; empty: no lane.
    std::uint32_t weight = 1;  ///< From 1 to kWeightMax; of a run the last one counts.
  };

  explicit FairQueue(std::size_t entries_max) : entries_max_(entries_max) {}

  /// False: it is full, or knows the ticket.
  bool push(Entry entry);
  [[nodiscard]] bool contains(std::uint64_t ticket) const { return places_.contains(ticket); }
  /// The ticket that goes next, if any of a free lane waits. Only take() moves its run on.
  [[nodiscard]] std::optional<std::uint64_t> next() const;
  /// Takes a call out that goes now; its lane is busy until free_lane(). Nothing if it does not wait.
  std::optional<Entry> take(std::uint64_t ticket);
  /// Takes a call out that will not go. False if it does not wait.
  bool remove(std::uint64_t ticket);
  /// The call of that lane ended.
  void free_lane(const std::string& lane);

  [[nodiscard]] std::size_t size() const { return places_.size(); }
  [[nodiscard]] std::size_t entries_max() const { return entries_max_; }

 private:
  using Order = std::pair<std::uint64_t, std::uint64_t>;  ///< Virtual time, then age: of equals the one first there.
  using Line = std::list<Entry>;
  struct Run {
    Line line;
    Order order;
    std::uint32_t weight = 1;
  };
  struct Place {
    std::string run;
    Line::iterator entry;
  };
  std::optional<Entry> extract(std::uint64_t ticket);
  [[nodiscard]] bool is_free(const Entry& entry) const;

  std::size_t entries_max_;
  std::uint64_t virtual_time_ = 0;
  std::uint64_t joined_ = 0;
  std::unordered_map<std::string, Run> runs_;  ///< Those with calls that wait.
  std::map<Order, std::string> order_;
  std::unordered_map<std::uint64_t, Place> places_;
  std::unordered_map<std::string, std::size_t> waiting_in_lane_;
  std::set<std::string> busy_lanes_;
  std::size_t behind_busy_lanes_ = 0;  ///< Of the waiting calls.
};

}  // namespace hillstar::providers
