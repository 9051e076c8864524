// SPDX-License-Identifier: Apache-2.0
#include "providers/pool/sliding_window.hpp"

#include <algorithm>

namespace hillstar::providers {
namespace {

/// Larger than any limit or amount that means something; sums of a window's entries stay in range.
constexpr std::uint64_t kAmountMax = 1'000'000'000'000;

}  // namespace

SlidingWindow::SlidingWindow(std::uint64_t limit) : limit_(1) { set_limit(limit); }

void SlidingWindow::set_limit(std::uint64_t limit) { limit_ = std::clamp<std::uint64_t>(limit, 1, kAmountMax); }

std::uint64_t SlidingWindow::total() const { return held_total_ + past_total_; }

void SlidingWindow::forget(Millis now) {
  while (!past_.empty() && past_.front().until <= now) {
    past_total_ -= past_.front().amount;
    past_.pop_front();
  }
}

std::uint64_t SlidingWindow::used(Millis now) {
  forget(now);
  return total();
}

std::optional<Millis> SlidingWindow::free_at(std::uint64_t amount, Millis now) {
  forget(now);
  const auto wanted = std::min(amount, limit_);
  auto in_use = total();
  if (in_use + wanted <= limit_) return now;
  for (const auto& entry : past_) {
    in_use -= entry.amount;
    if (in_use + wanted <= limit_) return entry.until;
  }
  return std::nullopt;
}

void SlidingWindow::hold(std::uint64_t ticket, std::uint64_t amount) {
  amount = std::min(amount, kAmountMax);
  if (held_.emplace(ticket, amount).second) held_total_ += amount;
}

void SlidingWindow::settle(std::uint64_t ticket, std::uint64_t amount, Millis now) {
  const auto held = held_.find(ticket);
  if (held == held_.end()) return;
  held_total_ -= held->second;
  held_.erase(held);
  add(amount, now, now);
}

void SlidingWindow::add(std::uint64_t amount, Millis at, Millis now) {
  forget(now);
  amount = std::min(amount, kAmountMax);
  const auto until = at + kRateMinute;
  if (amount == 0 || until <= now) return;
  past_total_ += amount;
  if (!past_.empty() && past_.back().until == until) {
    past_.back().amount += amount;
    return;
  }
  auto place = past_.end();
  while (place != past_.begin() && std::prev(place)->until > until) --place;
  past_.insert(place, Entry{until, amount});
  if (past_.size() > kWindowEntriesMax) {
    past_[1].amount += past_[0].amount;
    past_.pop_front();
  }
}

}  // namespace hillstar::providers
