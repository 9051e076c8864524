// SPDX-License-Identifier: Apache-2.0
// Which calls to one backend may be in flight, and which wait for it. Pure: no clock, no threads, no actors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace hillstar::providers {

/// A call, named by its host. Never given to two calls that are alive at once.
using Ticket = std::uint64_t;

/// Slots of one backend and the line in front of them: first come, first served. Not thread-safe; one actor owns it.
/// Deadlines of waiting calls are its host's timers, which call withdraw().
class Admission {
 public:
  struct Limits {
    std::size_t concurrency = 256;    ///< Calls in flight; 0 counts as 1.
    std::size_t queue_max = 100'000;  ///< Calls that wait; 0: nobody waits.
  };
  /// go: the call holds a slot now. queued: a later answer names it. refused: the line is full, or the ticket is known.
  enum class Verdict { go, queued, refused };

  explicit Admission(Limits limits);

  Verdict offer(Ticket ticket);
  /// The call ended and its slot is free; returns the calls that hold one from now on, oldest first.
  /// A ticket that holds no slot changes nothing.
  std::vector<Ticket> finished(Ticket ticket);
  /// Takes a waiting call out of the line. False if it does not wait: it holds a slot, or is unknown.
  bool withdraw(Ticket ticket);
  /// A new number of slots; returns the calls that may start. Calls above a lower limit are not stopped.
  std::vector<Ticket> set_concurrency(std::size_t concurrency);

  [[nodiscard]] std::size_t running() const { return running_.size(); }
  [[nodiscard]] std::size_t waiting() const { return line_.size(); }
  [[nodiscard]] const Limits& limits() const { return limits_; }

 private:
  std::vector<Ticket> fill();

  Limits limits_;
  std::unordered_set<Ticket> running_;
  std::list<Ticket> line_;
  std::unordered_map<Ticket, std::list<Ticket>::iterator> places_;
};

}  // namespace hillstar::providers
