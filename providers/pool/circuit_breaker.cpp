// SPDX-License-Identifier: Apache-2.0
#include "providers/pool/circuit_breaker.hpp"

#include <algorithm>

namespace hillstar::providers {

bool is_outage(FailureClass kind) {
  return kind == FailureClass::network || kind == FailureClass::timeout || kind == FailureClass::server ||
         kind == FailureClass::overloaded;
}

bool CircuitBreaker::lets_go(Millis now) {
  if (state_ == State::open && now >= retry_at_) state_ = State::half_open;
  return state_ == State::closed || (state_ == State::half_open && !probe_);
}

void CircuitBreaker::started(std::uint64_t ticket) {
  if (state_ == State::half_open && !probe_) probe_ = ticket;
}

void CircuitBreaker::open(Millis now, std::uint32_t chance_ppm) {
  wait_ = state_ == State::closed ? settings_.open_min : std::min(wait_ * 2, settings_.open_max);
  const auto chosen = Millis(wait_.count() * std::min<std::uint32_t>(chance_ppm, 999'999) / 1'000'000);
  retry_at_ = now + std::max(chosen, settings_.open_floor);
  state_ = State::open;
  in_a_row_ = 0;
}

void CircuitBreaker::ended(std::uint64_t ticket, std::optional<FailureClass> failure, Millis now,
                           std::uint32_t chance_ppm) {
  const bool down = failure && is_outage(*failure);
  if (probe_ == ticket) {
    probe_.reset();
    if (down) return open(now, chance_ppm);
    state_ = State::closed;
    in_a_row_ = 0;
    return;
  }
  if (state_ != State::closed) return;
  in_a_row_ = down ? in_a_row_ + 1 : 0;
  if (in_a_row_ >= settings_.failures) open(now, chance_ppm);
}

void CircuitBreaker::withdrawn(std::uint64_t ticket) {
  if (probe_ == ticket) probe_.reset();
}

}  // namespace hillstar::providers
