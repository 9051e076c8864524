// SPDX-License-Identifier: Apache-2.0
// How much was used of a limit "per minute", exactly. Pure: no clock, no threads.
//
// Not a bucket: a bucket that refills lets twice its limit pass within one minute (a full bucket at once, then what
// flows in). Here every amount is kept for the whole window after it was used, so that no 60 seconds, wherever they
// start, hold more than the limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include "messages/units.hpp"

namespace hillstar::providers {

/// The window of every limit "per minute".
inline constexpr Millis kRateMinute{60'000};
/// Amounts that are kept apart; of more the two oldest count as one, until the younger of them is forgotten.
inline constexpr std::size_t kWindowEntriesMax = 65'536;

/// Amounts of one kind, requests or tokens. Times are those of a clock that never goes back, in milliseconds.
class SlidingWindow {
 public:
  explicit SlidingWindow(std::uint64_t limit);

  /// The limit from now on, at least 1. What was used stays used.
  void set_limit(std::uint64_t limit);
  [[nodiscard]] std::uint64_t limit() const { return limit_; }

  /// When `amount` may be taken: `now`, or later, or nothing if only the end of a call can make room. An amount above
  /// the limit counts as the limit: such a call goes alone, when the window is empty.
  [[nodiscard]] std::optional<Millis> free_at(std::uint64_t amount, Millis now);
  /// Takes `amount` for a call that starts; it counts until settle(), and for the window after it.
  void hold(std::uint64_t ticket, std::uint64_t amount);
  /// The call ended and used `amount` in truth: at which moment of its life, only the provider knows, and so it counts
  /// from the start of the call until a window after its end. A ticket that holds nothing changes nothing.
  void settle(std::uint64_t ticket, std::uint64_t amount, Millis now);
  /// An amount that was used at `at`, which may lie before what is known already.
  void add(std::uint64_t amount, Millis at, Millis now);
  [[nodiscard]] std::uint64_t used(Millis now);

 private:
  struct Entry {
    Millis until;
    std::uint64_t amount = 0;
  };
  void forget(Millis now);
  [[nodiscard]] std::uint64_t total() const;

  std::uint64_t limit_;
  std::uint64_t held_total_ = 0;
  std::uint64_t past_total_ = 0;
  std::unordered_map<std::uint64_t, std::uint64_t> held_;
  std::deque<Entry> past_;  ///< In the order of `until`.
};

}  // namespace hillstar::providers
