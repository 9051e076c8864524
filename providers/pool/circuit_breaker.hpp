// SPDX-License-Identifier: Apache-2.0
// Keeps calls from a backend that does not answer, and finds out with one call at a time whether it does again. Pure.
//
// Source of the pattern: M. Nygard, "Release It!", 2007; of the chance in the wait: M. Brooker, "Exponential Backoff
// And Jitter", AWS Architecture Blog, 2015 (full jitter).
#pragma once

#include <cstdint>
#include <optional>

#include "messages/failure.hpp"
#include "messages/units.hpp"

namespace hillstar::providers {

/// True for failures that say that the backend itself is down or swamped: network, timeout, server, overloaded. What
/// is wrong with a key or a request says that it is up.
bool is_outage(FailureClass kind);

class CircuitBreaker {
 public:
  enum class State {
    closed,     ///< Calls go.
    open,       ///< None go until retry_at().
    half_open,  ///< One goes, the probe; the others wait for its end.
  };
  struct Settings {
    std::uint32_t failures = 5;  ///< In a row, until it opens.
    Millis open_min{5'000};      ///< First wait; doubles with every probe that fails,
    Millis open_max{60'000};     ///< up to here.
    Millis open_floor{500};      ///< Chance never makes a wait shorter than this.
  };

  CircuitBreaker() = default;
  explicit CircuitBreaker(const Settings& settings) : settings_(settings) {}

  /// Whether a call may start; an open one whose wait is over becomes half open.
  [[nodiscard]] bool lets_go(Millis now);
  /// The call started. In half open it is the probe.
  void started(std::uint64_t ticket);
  /// How the call ended; nothing: it succeeded. Ends of calls that started before the breaker opened change nothing
  /// while it is not closed.
  /// @param chance_ppm  in [0, 1000000): how much of the longest wait it becomes
  void ended(std::uint64_t ticket, std::optional<FailureClass> failure, Millis now, std::uint32_t chance_ppm);
  /// The call was stopped from this side: that says nothing about the backend, but a probe leaves its place.
  void withdrawn(std::uint64_t ticket);

  [[nodiscard]] State state() const { return state_; }
  /// When an open one lets the probe go.
  [[nodiscard]] Millis retry_at() const { return retry_at_; }

 private:
  void open(Millis now, std::uint32_t chance_ppm);

  Settings settings_;
  State state_ = State::closed;
  std::uint32_t in_a_row_ = 0;
  Millis wait_{0};
  Millis retry_at_{0};
  std::optional<std::uint64_t> probe_;
};

}  // namespace hillstar::providers
