// SPDX-License-Identifier: Apache-2.0
// Random worlds around a pool, and a judge that knows nothing of it: it reads only when calls went and ended and what
// they used in truth.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "providers/pool/admission.hpp"

using namespace hillstar;
using namespace hillstar::providers;

namespace {

constexpr std::int64_t kDayMicros = 86'400'000'000;

/// A call as the provider saw it. Times in milliseconds of the true clock.
struct Seen {
  std::int64_t start = 0;
  std::int64_t arrival = 0;
  std::int64_t end = 0;
  std::int64_t day = 0;
  std::uint64_t tokens = 0;
  std::int64_t cost = 0;
  std::string lane;
};

struct Offered {
  PoolCall call;
  std::int64_t duration = 0;
  std::uint64_t tokens = 0;
  std::int64_t cost = 0;
  std::optional<FailureClass> failure;
  bool usage_known = true;
  int answers = 0;
};

class World {
 public:
  explicit World(std::uint32_t seed) : dice_(seed) {
    limits_.concurrency = upto(6) + 1;
    if (upto(3) != 0) limits_.rpm = upto(12) + 1;
    if (upto(3) != 0) limits_.tpm = 50 + upto(500);
    if (upto(3) != 0) limits_.usd_per_day = MicroUsd{static_cast<std::int64_t>(500 + upto(20'000))};
    limits_.queue_max = upto(4) == 0 ? upto(4) : 1'000;
    equal_ = upto(2) == 0;
    crashes_ = upto(2) == 0;
    wall_ = 1'795'348'800'000 + static_cast<std::int64_t>(upto(24)) * 3'600'000 + upto(3'600'000);
    restart();
  }

  void run() {
    for (int i = 0; i < 60; ++i) arrivals_.emplace(upto(240'000), ++tickets_);
    while (step()) REQUIRE(++steps_ < 5'000);
    for (const auto& [ticket, offered] : offered_) CHECK_MESSAGE(offered.answers == 1, "ticket ", ticket);
  }

  const std::vector<Seen>& seen() const { return seen_; }
  const PoolLimits& limits() const { return limits_; }

 private:
  std::uint32_t upto(std::uint32_t bound) { return dice_() % bound; }
  Moment now() const {
    return {Millis(true_now_ + steady_offset_), UtcTime{(wall_ + true_now_ + wall_offset_) * 1'000}};
  }
  std::int64_t day() const { return now().utc.micros / kDayMicros; }

  /// The next thing that happens; false when nothing is left.
  bool step() {
    if (!ends_.empty() || !arrivals_.empty() || wake_at_) {
      const auto end = ends_.empty() ? INT64_MAX : ends_.begin()->first;
      const auto arrival = arrivals_.empty() ? INT64_MAX : arrivals_.begin()->first;
      const auto wake = wake_at_ ? std::max(*wake_at_, true_now_) : INT64_MAX;
      true_now_ = std::max(true_now_, std::min({end, arrival, wake}));
      if (end <= true_now_) {
        on_end();
      } else if (arrival <= true_now_) {
        on_arrival();
      } else {
        take(pool_->wake(now()));
      }
      disturb();
      return true;
    }
    REQUIRE(waiting_.empty());  // nobody may be forgotten
    return false;
  }

  void disturb() {
    if (upto(40) == 0 && !waiting_.empty()) {
      const auto ticket = *std::next(waiting_.begin(), upto(static_cast<std::uint32_t>(waiting_.size())));
      auto step = pool_->withdraw(ticket, now());
      REQUIRE(step);
      waiting_.erase(ticket);
      ++offered_.at(ticket).answers;
      take(*step);
    }
    if (upto(30) == 0) {
      // Backwards by up to half a minute, but not into the day before: which of two days with one name it was, no
      // record could say.
      const auto before = wall_offset_;
      const auto today = day();
      wall_offset_ -= upto(30'000);
      if (day() != today) wall_offset_ = before;
    }
    if (crashes_ && upto(60) == 0) crash();
  }

  void on_arrival() {
    const auto ticket = arrivals_.begin()->second;
    arrivals_.erase(arrivals_.begin());
    Offered offered;
    auto& call = offered.call;
    call.ticket = ticket;
    call.run = "run" + std::to_string(upto(5));
    if (upto(5) == 0) call.lane = "lane" + std::to_string(upto(2));
    call.weight = equal_ ? 1 : upto(5) + 1;
    call.tokens = upto(20) == 0 ? 1'000 : 1 + upto(120);
    call.cost = MicroUsd{static_cast<std::int64_t>(upto(600))};
    // At least one: calls that begin and end within the same millisecond have no order in the history.
    offered.duration = 1 + (upto(3) == 0 ? upto(90'000) : upto(5'000));
    offered.tokens = upto(static_cast<std::uint32_t>(call.tokens) + 1);
    offered.cost = upto(static_cast<std::uint32_t>(call.cost.count) + 1);
    static const FailureClass kinds[] = {FailureClass::network, FailureClass::timeout, FailureClass::auth,
                                         FailureClass::rate_limited, FailureClass::server};
    if (upto(3) == 0) offered.failure = kinds[upto(5)];
    offered.usage_known = !offered.failure;
    if (offered.failure == FailureClass::auth || offered.failure == FailureClass::rate_limited)
      offered.tokens = 0, offered.cost = 0;
    offered_.emplace(ticket, offered);
    // A run whose calls were withdrawn or refused begins to wait anew.
    const auto is_of_the_run = [&](Ticket other) { return offered_.at(other).call.run == call.run; };
    if (std::none_of(waiting_.begin(), waiting_.end(), is_of_the_run)) passed_.erase(call.run);
    waiting_.insert(ticket);
    take(pool_->offer(call, now()));
  }

  void on_end() {
    const auto ticket = ends_.begin()->second;
    ends_.erase(ends_.begin());
    const auto& offered = offered_.at(ticket);
    PoolOutcome outcome;
    if (offered.usage_known) {
      outcome.tokens = offered.tokens;
      outcome.cost = MicroUsd{offered.cost};
    }
    outcome.failure = offered.failure;
    outcome.chance_ppm = upto(1'000'000);
    if (upto(20) == 0) outcome.hints.retry_after = Millis(upto(10'000));
    if (upto(20) == 0) outcome.hints.requests = {10 + upto(50), 0, Millis(upto(20'000))};
    went(ticket, true);
    take(pool_->ended(ticket, outcome, now()));
  }

  /// Into the history of the provider, and into the log that a later process reads.
  void went(Ticket ticket, bool told) {
    const auto& offered = offered_.at(ticket);
    const auto start = running_.extract(ticket).mapped();
    const auto latency = std::min<std::int64_t>(upto(1'000), true_now_ - start);
    seen_.push_back({start, start + latency, true_now_, day(), offered.tokens, offered.cost, offered.call.lane});
    PastCall past;
    if (told) past.ended = now().utc;
    if (offered.usage_known || upto(2) == 0)  // else unknown, as of calls of which no record says more
      past.tokens = told && offered.usage_known ? offered.tokens : offered.call.tokens;
    past.cost = told && offered.usage_known ? MicroUsd{offered.cost} : offered.call.cost;
    log_.push_back(past);
  }

  void take(const Admission::Step& step) {
    for (const auto& refusal : step.refused) {
      REQUIRE(waiting_.erase(refusal.ticket) == 1);
      ++offered_.at(refusal.ticket).answers;
    }
    for (const auto ticket : step.go) {
      REQUIRE(waiting_.erase(ticket) == 1);
      auto& offered = offered_.at(ticket);
      ++offered.answers;
      running_[ticket] = true_now_;
      ends_.emplace(true_now_ + offered.duration, ticket);
      fair(offered.call.run);
    }
    wake_at_.reset();
    if (step.wake_at) wake_at_ = step.wake_at->count() - steady_offset_;
    if (wake_at_) REQUIRE(*wake_at_ > true_now_);
    REQUIRE((waiting_.empty() || !running_.empty() || wake_at_));
  }

  /// Of runs that weigh the same, none gets more than two calls while another waits for one.
  void fair(const std::string& run) {
    if (!equal_) return;
    std::set<std::string> with_lanes;
    std::set<std::string> waiting;
    for (const auto ticket : waiting_) {
      const auto& call = offered_.at(ticket).call;
      (call.lane.empty() ? waiting : with_lanes).insert(call.run);
    }
    for (const auto& other : waiting)
      if (other != run && !with_lanes.contains(other)) REQUIRE(++passed_[other][run] <= 2);
    for (auto it = passed_.begin(); it != passed_.end();)
      it = it->first == run || !waiting.contains(it->first) ? passed_.erase(it) : std::next(it);
  }

  void crash() {
    while (!running_.empty()) went(running_.begin()->first, false);
    // What was in flight or waited is offered again, as another attempt.
    for (const auto& [end, ticket] : ends_) again(ticket);
    for (const auto ticket : waiting_) ++offered_.at(ticket).answers, again(ticket);
    ends_.clear();
    waiting_.clear();
    passed_.clear();
    true_now_ += 1 + upto(20'000);
    restart();
    for (auto& past : log_)
      if (!past.ended) past.ended = now().utc;  // its successor closed it
  }

  void again(Ticket) {
    if (offered_.size() < 200) arrivals_.emplace(true_now_ + 20'000 + upto(1'000), ++tickets_);
  }

  void restart() {
    steady_offset_ = upto(1'000'000);
    wake_at_.reset();
    pool_ = std::make_unique<Admission>("backend", limits_);
    pool_->restore(log_, now());
  }

  std::mt19937 dice_;
  PoolLimits limits_;
  bool equal_ = false;
  bool crashes_ = false;
  std::int64_t true_now_ = 0;
  std::int64_t wall_ = 0;
  std::int64_t wall_offset_ = 0;
  std::int64_t steady_offset_ = 0;
  std::unique_ptr<Admission> pool_;
  std::multimap<std::int64_t, Ticket> arrivals_;
  std::multimap<std::int64_t, Ticket> ends_;
  std::optional<std::int64_t> wake_at_;
  std::map<Ticket, Offered> offered_;
  std::set<Ticket> waiting_;
  std::map<Ticket, std::int64_t> running_;  ///< When it went.
  std::map<std::string, std::map<std::string, int>> passed_;
  std::vector<Seen> seen_;
  std::vector<PastCall> log_;
  Ticket tickets_ = 0;
  int steps_ = 0;
};

void judge_concurrency(const std::vector<Seen>& seen, std::size_t limit) {
  for (const auto& one : seen) {
    std::size_t together = 0;
    for (const auto& other : seen) {
      const bool overlap = other.start <= one.start && other.end > one.start;
      together += overlap ? 1 : 0;
      if (overlap && &other != &one && !one.lane.empty()) REQUIRE(other.lane != one.lane);
    }
    REQUIRE(together <= limit);
  }
}

void judge_requests(std::vector<Seen> seen, std::size_t limit) {
  std::sort(seen.begin(), seen.end(), [](const auto& a, const auto& b) { return a.arrival < b.arrival; });
  for (std::size_t i = limit; i < seen.size(); ++i) REQUIRE(seen[i].arrival - seen[i - limit].arrival >= 60'000);
}

/// Whenever in a call's life the provider counts its tokens: all calls that touch a window may count in it.
void judge_tokens(const std::vector<Seen>& seen, std::uint64_t limit) {
  for (const auto& last : seen) {
    std::uint64_t sum = 0;
    std::size_t calls = 0;
    for (const auto& one : seen) {
      if (one.start > last.start || one.end <= last.start - 60'000 || one.tokens == 0) continue;
      sum += one.tokens;
      ++calls;
    }
    REQUIRE((sum <= limit || calls <= 1));
  }
}

void judge_money(const std::vector<Seen>& seen, std::int64_t limit) {
  std::map<std::int64_t, std::int64_t> days;
  for (const auto& one : seen) REQUIRE((days[one.day] += one.cost) <= limit);
}

}  // namespace

TEST_CASE("admission: no interleaving of calls, failures, crashes and clocks passes a limit") {
  const auto base = std::random_device{}();
  std::size_t calls = 0;
  for (std::uint32_t i = 0; i < 3'000; ++i) {
    const auto seed = base + i;
    CAPTURE(seed);
    World world(seed);
    world.run();
    calls += world.seen().size();
    const auto& limits = world.limits();
    judge_concurrency(world.seen(), limits.concurrency);
    if (limits.rpm) judge_requests(world.seen(), *limits.rpm);
    if (limits.tpm) judge_tokens(world.seen(), *limits.tpm);
    if (limits.usd_per_day) judge_money(world.seen(), limits.usd_per_day->count);
  }
  CHECK(calls > 30'000);
}
