// SPDX-License-Identifier: Apache-2.0
#include "providers/pool/admission.hpp"

#include <algorithm>
#include <utility>

#include "runtime/policy/budget.hpp"

namespace hillstar::providers {
namespace {

/// A request that has left is counted by the provider when it arrives: it counts so much longer here.
constexpr Millis kArrival{1'000};
/// What "too many requests" means if the backend does not say for how long.
constexpr Millis kRateLimitedWait{5'000};
/// However long a backend asks to wait, it is asked again after this.
constexpr Millis kBlockMax{3'600'000};

/// A limit that was said lowers the configured one, and never raises it; 0 says nothing.
void adopt(std::optional<SlidingWindow>& window, std::optional<std::uint64_t> configured,
           std::optional<std::uint64_t> said) {
  if (window && configured && said && *said != 0) window->set_limit(std::min(*configured, *said));
}

}  // namespace

Admission::Admission(std::string name, const PoolLimits& limits)
    : name_(std::move(name)), limits_(limits), queue_(limits.queue_max + 1), breaker_(limits.breaker) {
  limits_.concurrency = std::max(limits_.concurrency, 1U);
  if (limits_.rpm) requests_.emplace(*limits_.rpm);
  if (limits_.tpm) tokens_.emplace(*limits_.tpm);
  if (limits_.usd_per_day) budget_.emplace(*limits_.usd_per_day);
}

void Admission::restore(const std::vector<PastCall>& calls, const Moment& now) {
  for (const auto& call : calls) {
    const auto ended = call.ended.value_or(now.utc);
    const auto at = now.steady - std::max(now.utc - ended, Millis(0));
    // When it started is not known well enough: it may have waited in a line first. When it ended is never too early.
    if (requests_) requests_->add(1, at + kArrival, now.steady);
    if (tokens_) tokens_->add(call.tokens.value_or(tokens_->limit()), at, now.steady);
    if (budget_) budget_->add(call.cost.value_or(MicroUsd{}), ended, now.utc);
  }
}

Admission::Step Admission::offer(PoolCall call, const Moment& now) {
  if (waiting_.contains(call.ticket) || running_.contains(call.ticket)) {
    auto step = pump(now);
    step.refused.push_back({call.ticket, {FailureClass::internal, "The call is known already.", std::nullopt}});
    return step;
  }
  const auto ticket = call.ticket;
  waiting_.emplace(ticket, Need{call.tokens, call.cost, call.lane});
  queue_.push({ticket, std::move(call.run), std::move(call.lane), call.weight});
  auto step = pump(now);
  // One place is for the newcomer that can go at once.
  if (queue_.size() > limits_.queue_max && queue_.remove(ticket)) {
    waiting_.erase(ticket);
    step.refused.push_back({ticket, queue_full()});
  } else if (const auto need = waiting_.find(ticket); need != waiting_.end()) {
    if (auto failure = refusal(need->second.cost, now.utc)) {
      queue_.remove(ticket);
      waiting_.erase(need);
      step.refused.push_back({ticket, std::move(*failure)});
    }
  }
  return step;
}

Failure Admission::queue_full() const {
  return {FailureClass::overloaded,
          std::to_string(queue_.size()) + " calls wait for " + name_ + ", and no more may wait.", std::nullopt};
}

Admission::Step Admission::ended(Ticket ticket, const PoolOutcome& outcome, const Moment& now) {
  const auto call = running_.find(ticket);
  if (call == running_.end()) return pump(now);
  const bool free = outcome.failure && !outcome.cancelled && policy::is_turned_away(*outcome.failure);
  const auto& need = call->second;
  if (tokens_) tokens_->settle(ticket, outcome.tokens.value_or(free ? 0 : need.tokens), now.steady);
  if (budget_) budget_->settle(ticket, outcome.cost.value_or(free ? MicroUsd{} : need.cost), now.utc);
  if (!need.lane.empty()) queue_.free_lane(need.lane);
  running_.erase(call);
  if (outcome.cancelled)
    breaker_.withdrawn(ticket);
  else
    breaker_.ended(ticket, outcome.failure, now.steady, outcome.chance_ppm);
  learn(outcome, now.steady);
  return pump(now);
}

std::optional<Admission::Step> Admission::withdraw(Ticket ticket, const Moment& now) {
  if (!queue_.remove(ticket)) return std::nullopt;
  waiting_.erase(ticket);
  return pump(now);
}

Admission::Step Admission::wake(const Moment& now) { return pump(now); }

void Admission::learn(const PoolOutcome& outcome, Millis now) {
  const auto& hints = outcome.hints;
  adopt(requests_, limits_.rpm, hints.requests.limit);
  adopt(tokens_, limits_.tpm, hints.tokens.limit);
  std::optional<Millis> wait = hints.retry_after;
  for (const auto* window : {&hints.requests, &hints.tokens})
    if (window->remaining == 0U && window->reset) wait = std::max(wait.value_or(Millis(0)), *window->reset);
  if (!wait && !outcome.cancelled && outcome.failure == FailureClass::rate_limited) wait = kRateLimitedWait;
  if (wait && *wait > Millis(0))
    blocked_until_ = std::max(blocked_until_.value_or(now), now + std::min(*wait, kBlockMax));
}

std::optional<Failure> Admission::refusal(MicroUsd cost, UtcTime now) {
  if (!budget_ || budget_->check(cost, now) != DayBudget::Verdict::passed) return std::nullopt;
  return Failure{FailureClass::quota,
                 "A call that may cost " + to_dollars(cost) + " USD does not fit the budget of " + name_ + ", " +
                     budget_->describe() + ".",
                 std::nullopt};
}

bool Admission::fits(const Need& need, const Moment& now, std::optional<Millis>& wake_at) {
  if (running_.size() >= limits_.concurrency) return false;
  if (blocked_until_ && *blocked_until_ > now.steady) {
    wake_at = blocked_until_;
    return false;
  }
  blocked_until_.reset();
  if (!breaker_.lets_go(now.steady)) {
    if (breaker_.state() == CircuitBreaker::State::open) wake_at = breaker_.retry_at();
    return false;
  }
  const auto has_room = [&](std::optional<SlidingWindow>& window, std::uint64_t amount) {
    if (!window) return true;
    const auto at = window->free_at(amount, now.steady);
    if (at == now.steady) return true;
    wake_at = at;
    return false;
  };
  if (!has_room(requests_, 1) || !has_room(tokens_, need.tokens)) return false;
  return !budget_ || budget_->check(need.cost, now.utc) == DayBudget::Verdict::fits;
}

void Admission::start(Ticket ticket, const Moment& now) {
  const auto entry = queue_.take(ticket);
  auto need = std::move(waiting_.extract(ticket).mapped());
  if (requests_) requests_->add(1, now.steady + kArrival, now.steady);
  if (tokens_) tokens_->hold(ticket, need.tokens);
  if (budget_) budget_->reserve(ticket, need.cost);
  breaker_.started(ticket);
  running_.emplace(ticket, std::move(need));
}

Admission::Step Admission::pump(const Moment& now) {
  Step step;
  while (const auto next = queue_.next()) {
    const auto& need = waiting_.at(*next);
    if (auto failure = refusal(need.cost, now.utc)) {
      queue_.remove(*next);
      waiting_.erase(*next);
      step.refused.push_back({*next, std::move(*failure)});
      continue;
    }
    if (!fits(need, now, step.wake_at)) break;
    start(*next, now);
    step.go.push_back(*next);
  }
  return step;
}

Admission::Status Admission::status(const Moment& now) {
  Status status;
  status.running = running_.size();
  status.waiting = waiting_.size();
  if (requests_) status.requests = requests_->used(now.steady);
  if (tokens_) status.tokens = tokens_->used(now.steady);
  if (budget_) {
    status.spent = budget_->spent();
    status.reserved = budget_->reserved();
  }
  status.breaker = breaker_.state();
  if (blocked_until_ && *blocked_until_ > now.steady) status.blocked_until = blocked_until_;
  return status;
}

}  // namespace hillstar::providers
